import {
  XEN_DOMCTL_SENDTRIGGER_INIT,
  XEN_DOMCTL_SENDTRIGGER_NMI,
  XEN_DOMCTL_SENDTRIGGER_POWER,
  XEN_DOMCTL_SENDTRIGGER_RESET,
  XEN_DOMCTL_SENDTRIGGER_SLEEP,
} from '../../../abi/domctl-settings.ts';
import { sendSysrq } from '../../toolstack/domain-control.ts';
import { attempt } from '../../toolstack/errors.ts';
import { helpText } from '../command.ts';
import { findGuest, onHost } from '../define-command.ts';
import { EXIT_ERROR } from '../exit-status.ts';

const TRIGGERS: Readonly<Record<string, number>> = {
  nmi: XEN_DOMCTL_SENDTRIGGER_NMI,
  reset: XEN_DOMCTL_SENDTRIGGER_RESET,
  init: XEN_DOMCTL_SENDTRIGGER_INIT,
  power: XEN_DOMCTL_SENDTRIGGER_POWER,
  sleep: XEN_DOMCTL_SENDTRIGGER_SLEEP,
};

/** `xl trigger` */
export const trigger = onHost({
  name: 'trigger',
  summary: 'Send a trigger to a domain',
  usage: '<Domain> <nmi|reset|init|power|sleep|s3resume> [<VCPU>]',
  requires: 2,
  modifies: true,
  run: async (args, host, context) => {
    const domid = await findGuest(host, args.operand(0), 'trigger');
    const name = args.operand(1);
    const number = TRIGGERS[name];
    if (number === undefined) {
      const why = name === 's3resume' ? ': only HVM guests sleep that deep' : '';
      context.say(`Invalid trigger "${name}"${why}`);
      return EXIT_ERROR;
    }
    const text = args.operands[2] ?? '0';
    const vcpu = /^[0-9]+/.test(text) ? Number.parseInt(text, 10) : 0;
    if (!/^[0-9]/.test(text)) context.say('Invalid vcpuid, using default vcpuid=0.\n');
    await attempt(`send trigger ${name} to domain ${domid}`, () => host.tools.domain_send_trigger(domid, number, vcpu));
    return 0;
  },
});

/** `xl button-press`, which xl has replaced by trigger. */
export const buttonPress = onHost({
  name: 'button-press',
  summary: 'Indicate an ACPI button press to the domain',
  usage: '<Domain> <Button>',
  options: ["<Button> may be 'power' or 'sleep'."],
  requires: 2,
  modifies: true,
  run: async (args, host, context) => {
    context.say('WARNING: "button-press" is deprecated. Please use "trigger"');
    const domid = await findGuest(host, args.operand(0), 'button-press');
    const button = args.operand(1);
    if (button !== 'power' && button !== 'sleep') {
      context.say(`${button} is an invalid button identifier`);
      return EXIT_ERROR;
    }
    await attempt(`press the ${button} button of domain ${domid}`, () =>
      host.tools.domain_send_trigger(domid, TRIGGERS[button] ?? 0, 0),
    );
    return 0;
  },
});

/** `xl sysrq` */
export const sysrq = onHost({
  name: 'sysrq',
  summary: 'Send a sysrq to a domain',
  usage: '<Domain> <letter>',
  requires: 2,
  modifies: true,
  run: async (args, host, context) => {
    const domid = await findGuest(host, args.operand(0), 'sysrq');
    const letter = args.operand(1);
    if (letter.length !== 1) {
      context.say('Invalid sysrq.\n');
      context.services.stdout(helpText(sysrq));
      return EXIT_ERROR;
    }
    await sendSysrq(host, domid, letter);
    return 0;
  },
});

/** `xl debug-keys` */
export const debugKeys = onHost({
  name: 'debug-keys',
  summary: 'Send debug keys to Xen',
  usage: '<Keys>',
  requires: 1,
  modifies: true,
  run: async (args, host, context) => {
    const keys = args.operand(0);
    try {
      await attempt('send them', () => host.tools.send_debug_keys(keys));
      return 0;
    } catch (error) {
      context.say(`cannot send debug keys: ${keys}: ${(error as Error).message}`);
      return EXIT_ERROR;
    }
  },
});

/** `xl dump-core` */
export const dumpCore = onHost({
  name: 'dump-core',
  summary: 'Core dump a domain',
  usage: '<Domain> <filename>',
  requires: 2,
  modifies: true,
  run: async (args, host, context) => {
    const domid = await findGuest(host, args.operand(0), 'dump-core');
    const { workingDirectory } = context.services.files;
    const file = args.operand(1);
    await host.dumpCore(domid, file.startsWith('/') ? file : `${workingDirectory}/${file}`);
    return 0;
  },
});
