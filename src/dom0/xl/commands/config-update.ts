import { XenolithError } from '../../../lib/errors.ts';
import { configJson } from '../config-json.ts';
import { findGuest, onHost } from '../define-command.ts';
import { readDomain } from '../read-domain.ts';

/** `xl config-update`: what a domain is rebuilt with when it restarts. */
export const configUpdate = onHost({
  name: 'config-update',
  summary: "Update a running domain's saved configuration, used when rebuilding the domain after reboot",
  usage: '<Domain> <ConfigFile> [options] [vars]',
  options: ['-f FILE, --defconfig=FILE  Read this config file.', '-d  Print the configuration and go on.'],
  short: 'dqf:',
  long: { defconfig: { value: true, letter: 'f' } },
  requires: 1,
  modifies: true,
  canDryRun: true,
  run: async (args, host, context) => {
    const domid = await findGuest(host, args.operand(0), 'config-update');
    const rest = args.operands.slice(1);
    const extra = rest.filter((operand) => operand.includes('='));
    const file = args.value('f') ?? rest.find((operand) => !operand.includes('='));
    if (file === undefined) throw new XenolithError('XL_USAGE', 'Config file not specified');
    const record = host.domains.record(domid);
    if (record === undefined) throw new XenolithError('XL_DOMAIN', `domain ${domid} is not one of the toolstack's`);

    const { config, plan, symbols } = await readDomain(file, extra, context);
    if (args.has('d') || context.dryRun) context.services.stdout(configJson(config));
    if (context.dryRun) return 0;
    context.say(`setting dom${domid} configuration`);
    // It stays the domain that it is.
    record.update = { config: { ...config, name: record.config.name, uuid: record.config.uuid }, plan, symbols };
    return 0;
  },
});
