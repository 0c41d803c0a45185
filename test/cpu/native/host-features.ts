/** Which instructions the host's processor lacks, by what Linux shows of its CPUID (/proc/cpuinfo). */
import { readFileSync } from 'node:fs';
import type { FormEntry } from '../../../src/cpu/interpreter/handlers.ts';

/** Linux's names of features, and the mnemonics that need them. What every x86-64 processor has is not here. */
const FEATURES: readonly (readonly [feature: string, mnemonics: RegExp])[] = [
  ['pni', /^(ADDSUBP[SD]|HADDP[SD]|HSUBP[SD]|LDDQU|MOVDDUP|MOVS[HL]DUP|FISTTP)$/],
  ['ssse3', /^(PSHUFB|PHADD\w+|PHSUB\w+|PMADDUBSW|PABS[BWD]|PSIGN[BWD]|PMULHRSW|PALIGNR)$/],
  ['sse4_2', /^(PCMP[EI]STR[IM]|PCMPGTQ|CRC32)$/],
  ['popcnt', /^POPCNT$/],
  ['cx16', /^CMPXCHG16B$/],
  ['lahf_lm', /^[LS]AHF$/],
];

const flags = readFlags();

/** The feature that a form needs and the host does not have, or undefined. */
export function lackingFeature({ instruction, encoding }: FormEntry): string | undefined {
  const known = FEATURES.find(([, mnemonics]) => mnemonics.test(instruction.mnemonic))?.[0];
  const feature = known ?? (encoding.map > 1 && instruction.unit === 'sse' ? 'sse4_1' : undefined);
  return feature === undefined || flags.has(feature) ? undefined : feature;
}

function readFlags(): Set<string> {
  try {
    return new Set((/^flags\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '').split(' '));
  } catch {
    return new Set();
  }
}
