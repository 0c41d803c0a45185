import { XEN_SYSCTL_cpu_policy_host } from '../../../abi/sysctl.ts';
import { XEN_CPUID_NO_SUBLEAF } from '../../toolstack/cpuid-rules.ts';
import { left } from '../columns.ts';
import { findGuest, onHost, printJson } from '../define-command.ts';

/** `xl cpuid-show`: what CPUID tells a domain, or, without one, what the processor itself has. */
export const cpuidShow = onHost({
  name: 'cpuid-show',
  summary: 'Show what CPUID tells a domain, or what the processor has',
  usage: '[Domain]',
  json: true,
  run: async (args, host, context) => {
    const [name] = args.operands;
    const { leaves } =
      name === undefined
        ? host.state.cpu_policy_get_system(XEN_SYSCTL_cpu_policy_host)
        : host.state.cpu_policy_get_domain(await findGuest(host, name, 'cpuid-show'));
    const rows = leaves.map(({ leaf, subleaf, a, b, c, d }) => ({
      leaf,
      subleaf: subleaf === XEN_CPUID_NO_SUBLEAF ? null : subleaf,
      eax: a,
      ebx: b,
      ecx: c,
      edx: d,
    }));
    if (args.has('json')) {
      printJson(context, rows);
      return 0;
    }
    const lines = rows.map(({ leaf, subleaf, eax, ebx, ecx, edx }) => {
      const place = `${hex(leaf)}${subleaf === null ? '' : `,${subleaf}`}`;
      return `${left(place, 12)} ${[eax, ebx, ecx, edx].map(hex).join(' ')}\n`;
    });
    context.services.stdout(`${left('Leaf', 12)} EAX      EBX      ECX      EDX\n${lines.join('')}`);
    return 0;
  },
});

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
