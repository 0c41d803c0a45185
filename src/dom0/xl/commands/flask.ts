import { helpText } from '../command.ts';
import { onHost } from '../define-command.ts';
import { EXIT_USAGE } from '../exit-status.ts';

/** What becomes of xl's -1 as an exit status. */
const EXIT_MINUS_ONE = 255;

// As xl answers where Xen was built without Flask, and says ENOSYS.

/** `xl getenforce` */
export const getenforce = onHost({
  name: 'getenforce',
  summary: 'Returns the current enforcing mode of the Flask Xen security module',
  usage: '',
  run: async (_args, _host, { services }) => {
    services.stdout('Flask XSM Disabled\n');
    return EXIT_MINUS_ONE;
  },
});

/** `xl setenforce` */
export const setenforce = onHost({
  name: 'setenforce',
  summary: 'Sets the current enforcing mode of the Flask Xen security module',
  usage: '<1|0|Enforcing|Permissive>',
  modifies: true,
  run: async (args, _host, context) => {
    if (/^([01]|enforcing|permissive)$/i.test(args.operand(0))) {
      context.say('Flask XSM disabled');
      return EXIT_MINUS_ONE;
    }
    context.services.stdout(helpText(setenforce));
    return EXIT_USAGE;
  },
});

/** `xl loadpolicy` */
export const loadpolicy = onHost({
  name: 'loadpolicy',
  summary: 'Loads a new policy into the Flask Xen security module',
  usage: '<policy file>',
  modifies: true,
  run: async (args, _host, context) => {
    if (args.operands.length === 0) {
      context.services.stdout(helpText(loadpolicy));
      return EXIT_USAGE;
    }
    context.say('Flask XSM disabled');
    return EXIT_MINUS_ONE;
  },
});
