import type { Domid } from '../../../abi/xen.ts';
import { attempt } from '../../toolstack/errors.ts';
import { readQuota } from '../cfg/store-limits.ts';
import { left, right } from '../columns.ts';
import { helpText } from '../command.ts';
import { type Arguments, findDomain, onHost, printJson } from '../define-command.ts';
import { EXIT_ERROR } from '../exit-status.ts';
import type { RunningHost } from '../services.ts';

/** `xl xenstore-quota-get`: of a domain, or what holds for all that have none of their own. */
export const xenstoreQuotaGet = onHost({
  name: 'xenstore-quota-get',
  summary: 'List global or domain specific Xenstore quotas',
  usage: '<Domain>|-g',
  options: ['-g  What holds for domains that have no quota of their own'],
  short: 'g',
  json: true,
  run: async (args, host, context) => {
    if (args.operands.length + Number(args.has('g')) !== 1) {
      context.say('Illegal number of parameters.');
      context.services.stdout(helpText(xenstoreQuotaGet));
      return EXIT_ERROR;
    }
    const domid = await whose(args, host);
    const quotas = await attempt('obtain the quotas', () => host.store.quotas(domid));
    if (args.has('json')) {
      printJson(context, Object.fromEntries(quotas.map(({ name, limit }) => [name, limit])));
      return 0;
    }
    const rows = quotas.map(({ name, limit }) => `${left(name, 20)} ${right(limit, 8)}\n`);
    context.services.stdout(`Quota name           Quota value\n--------------------------------\n${rows.join('')}`);
    return 0;
  },
});

/** `xl xenstore-quota-set` */
export const xenstoreQuotaSet = onHost({
  name: 'xenstore-quota-set',
  summary: 'Set global or domain specific Xenstore quotas',
  usage: '<Domain>|-g <quota>=<val>...',
  options: ['-g  For domains that have no quota of their own'],
  short: 'g',
  modifies: true,
  run: async (args, host, context) => {
    const words = args.has('g') ? args.operands : args.operands.slice(1);
    if (words.length === 0) {
      context.say('Not enough parameters.');
      context.services.stdout(helpText(xenstoreQuotaSet));
      return EXIT_ERROR;
    }
    const domid = await whose(args, host);
    const quotas = [];
    for (const word of words) {
      const quota = readQuota(word);
      if (typeof quota === 'string') {
        context.say(quota);
        return EXIT_ERROR;
      }
      quotas.push(quota);
    }
    for (const { name, limit } of quotas) {
      await attempt(`set quota ${name}`, () => host.store.setQuota(name, limit, domid));
    }
    return 0;
  },
});

async function whose(args: Arguments, host: RunningHost): Promise<Domid | undefined> {
  return args.has('g') ? undefined : await findDomain(host, args.operand(0));
}
