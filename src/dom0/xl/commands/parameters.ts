import { attempt } from '../../toolstack/errors.ts';
import { onHost } from '../define-command.ts';
import { EXIT_ERROR } from '../exit-status.ts';

/** `xl set-parameters`: those of Xen's command line that may change while it runs, through its own file system. */
export const setParameters = onHost({
  name: 'set-parameters',
  summary: 'Set hypervisor parameters',
  usage: '<Params>',
  options: ['Params are words of gnttab_max_frames=FRAMES and gnttab_max_maptrack_frames=FRAMES, for new domains.'],
  requires: 1,
  modifies: true,
  run: async (args, host, context) => {
    for (const word of args.operand(0).split(/\s+/)) {
      if (word === '') continue;
      const [, name = '', value] = /^([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
      const off = value === undefined && name.startsWith('no');
      if (name === '' || (value === undefined && !off)) {
        context.say(`xl set-parameters: ${word}: expected a value, for example gnttab_max_frames=128`);
        return EXIT_ERROR;
      }
      const path = `/params/${off ? name.slice(2) : name}`;
      await attempt(`set parameter ${word}`, () => host.hypfs.write(path, value ?? 'no'));
    }
    return 0;
  },
});
