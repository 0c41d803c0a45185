import type { SeededRandom } from '../../src/lib/seeded-random.ts';

/** A part of the kernel: a routine that changes code, runs it and checks what came of it. */
export interface Piece {
  /** Its routine's label, and what a failure is told by. */
  readonly name: string;
  readonly source: string;
}

/** What a piece is made by: choices, and how often its hot code runs. */
export interface Making {
  readonly random: SeededRandom;
  /** Calls or rounds of a hot loop between two changes. */
  readonly heat: number;
  /** Changes in one call of the routine. */
  readonly changes: number;
}

/** Instructions that change nothing any piece looks at: EAX, ECX, EDX, EBX, ESI, EDI, EBP and R12 to R15 stay. */
const FILLERS = [
  'nop',
  'lea r8, [r8+1]',
  'add r9d, 3',
  'xor r10d, r9d',
  'mov r11, r8',
  'bt r9d, 3',
  'movzx r10d, r9b',
  'shl r11, 1',
  'test r8, r8',
  'pxor xmm7, xmm7',
];

/** Up to `most` of them: the same code never stands at the same place, nor in the same block. */
export function filler(random: SeededRandom, most: number): string {
  const lines = Array.from({ length: random.below(most + 1) }, () => FILLERS[random.below(FILLERS.length)]);
  return lines.join('\n');
}

/** Stores of EAX at an address, by different instructions. Registers 8 to 11 and XMM6 may change. */
const STORES: readonly ((address: string) => string)[] = [
  (address) => `mov [${address}], eax`,
  (address) => `mov r10d, eax\nxchg [${address}], r10d`,
  (address) => `movd xmm6, eax\nmovd [${address}], xmm6`,
  (address) => `mov r10d, eax\nsub r10d, [${address}]\nlock add [${address}], r10d`,
  (address) => `mov [${address}], ax\nmov r10d, eax\nshr r10d, 16\nmov [${address}+2], r10w`,
  (address) => `mov r10d, eax\n${bytes(address)}`,
  (address) => `mov r10d, [${address}+4]\nshl r10, 32\nmov r11d, eax\nor r10, r11\nmov [${address}], r10`,
  (address) =>
    `mov r10, rsp\nlea rsp, [${address}+8]\nmov r11d, [${address}+4]\nshl r11, 32\nmov r9d, eax\nor r11, r9\npush r11\nmov rsp, r10`,
  (address) => `push rcx\npush rdi\nlea rdi, [${address}]\nmov ecx, 1\nrep stosd\npop rdi\npop rcx`,
  (address) =>
    `mov [patch_source], eax\npush rcx\npush rdi\npush rsi\nlea rdi, [${address}]\nmov esi, patch_source\nmov ecx, 4\nrep movsb\npop rsi\npop rdi\npop rcx`,
  (address) => `movups xmm6, [${address}]\nmovd xmm5, eax\nmovss xmm6, xmm5\nmovups [${address}], xmm6`,
];

function bytes(address: string): string {
  return Array.from({ length: 4 }, (_, at) => `mov [${address}+${at}], r10b\nror r10d, 8`).join('\n');
}

/** A store of EAX at an address, one of many ways. */
export function store(random: SeededRandom, address: string): string {
  return STORES[random.below(STORES.length)]?.(address) ?? '';
}
