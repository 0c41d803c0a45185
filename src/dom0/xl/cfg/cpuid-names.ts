import type { CpuidRegister } from '../../toolstack/cpuid-rules.ts';

/** Where a feature or a number stands in CPUID. */
export interface CpuidField {
  readonly leaf: number;
  readonly subleaf: number | undefined;
  readonly register: CpuidRegister;
  readonly bit: number;
  readonly width: number;
}

type Place = readonly [leaf: number, subleaf: number | undefined, register: CpuidRegister];

/** Features by their bit, `-` for none; several names for one are divided by `|`. Names are libxl's, in xl.cfg(5). */
const FEATURES: readonly (readonly [...place: Place, names: string])[] = [
  [
    0x1,
    undefined,
    'edx',
    'fpu vme de pse tsc msr pae mce cx8|cmpxchg8 apic - sep|sysenter mtrr pge mca cmov pat pse36 psn clfsh - ds acpi mmx fxsr sse sse2 ss htt tm1|tm ia64 pbe',
  ],
  [
    0x1,
    undefined,
    'ecx',
    'sse3 pclmulqdq|pclmul dtes64 monitor ds-cpl|dscpl vmx smx eist|est tm2 ssse3 cntxid - fma cx16|cmpxchg16 xtpr pdcm - pcid dca sse4-1|sse4.1 sse4-2|sse4.2 x2apic movbe popcnt tsc-deadline aesni|aes xsave osxsave avx f16c rdrand hypervisor',
  ],
  [
    0x7,
    0,
    'ebx',
    'fsgsbase tsc-adjust sgx bmi1 hle avx2 fdp-excp-only smep bmi2 erms invpcid rtm pqm|cmt no-fpu-sel|depfpp mpx pqe|rdt-a avx512f avx512dq rdseed adx smap avx512-ifma - clflushopt clwb proc-trace avx512pf avx512er avx512cd sha avx512bw avx512vl',
  ],
  [
    0x7,
    0,
    'ecx',
    'prefetchwt1 avx512-vbmi umip pku ospke - avx512-vbmi2 cet-ss gfni vaes vpclmulqdq avx512-vnni avx512-bitalg - avx512-vpopcntdq - - - - - - - rdpid - - cldemote - movdiri movdir64b enqcmd - pks',
  ],
  [
    0x7,
    0,
    'edx',
    '- - avx512-4vnniw avx512-4fmaps fsrm - - - avx512-vp2intersect srbds-ctrl md-clear rtm-always-abort - - serialize hybrid tsxldtrk - - - cet-ibt - amx-bf16 avx512-fp16 amx-tile amx-int8 ibrsb stibp l1d-flush arch-caps core-caps ssbd',
  ],
  [0x7, 1, 'eax', '- - - - avx-vnni avx512-bf16 - - - - fzrm fsrs fsrcs - - - - - - - - amx-fp16 - avx-ifma'],
  [0xd, 1, 'eax', 'xsaveopt xsavec xgetbv1 xsaves'],
  [0x6, undefined, 'eax', '- - arat'],
  [
    0x80000001,
    undefined,
    'edx',
    '- - - - - - - - - - - syscall - - - - - - - - nx - mmxext|mmx+ - - ffxsr pdpe1gb|page1gb rdtscp - lm 3dnowext|3dnow+ 3dnow',
  ],
  [
    0x80000001,
    undefined,
    'ecx',
    'lahf-lm|lahfsahf cmp-legacy|cmplegacy svm extapic cr8-legacy|altmovcr8 abm|lzcnt sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - lwp fma4 tce - nodeid-msr|nodeid - tbm topoext perfctr-core perfctr-nb - dbx - perfctr-llc monitorx',
  ],
  [0x80000007, undefined, 'edx', '- - - - - - - - itsc|invtsc - efro'],
  [
    0x80000008,
    undefined,
    'ebx',
    'clzero - rstr-fp-err-ptrs - - - - - - wbnoinvd - - ibpb - ibrs amd-stibp ibrs-always stibp-always ibrs-fast ibrs-same-mode no-lmsl - - ppin amd-ssbd virt-ssbd ssb-no',
  ],
];

/** Numbers in CPUID, by their lowest bit and their width. */
const NUMBERS: readonly (readonly [name: string, ...place: Place, bit: number, width: number])[] = [
  ['maxleaf', 0x0, undefined, 'eax', 0, 32],
  ['stepping', 0x1, undefined, 'eax', 0, 4],
  // These two lie in two places each: cpuid.ts takes care of that.
  ['model', 0x1, undefined, 'eax', 4, 8],
  ['family', 0x1, undefined, 'eax', 8, 8],
  ['brandid', 0x1, undefined, 'ebx', 0, 8],
  ['clflush', 0x1, undefined, 'ebx', 8, 8],
  ['proccount', 0x1, undefined, 'ebx', 16, 8],
  ['localapicid', 0x1, undefined, 'ebx', 24, 8],
  ['procpkg', 0x4, 0, 'eax', 26, 6],
  ['nc', 0x80000008, undefined, 'ecx', 0, 8],
  ['apicidsize', 0x80000008, undefined, 'ecx', 12, 4],
  ['maxhvleaf', 0x40000000, undefined, 'eax', 0, 8],
];

/** Where a name stands; undefined for a name that is none. Underscores and dashes are the same. */
export function cpuidField(name: string): CpuidField | undefined {
  return FIELDS.get(name.replaceAll('_', '-'));
}

const FIELDS = new Map<string, CpuidField>();
for (const [leaf, subleaf, register, names] of FEATURES) {
  for (const [bit, all] of names.split(' ').entries()) {
    for (const name of all.split('|')) if (name !== '-') FIELDS.set(name, { leaf, subleaf, register, bit, width: 1 });
  }
}
for (const [name, leaf, subleaf, register, bit, width] of NUMBERS) {
  FIELDS.set(name, { leaf, subleaf, register, bit, width });
}
