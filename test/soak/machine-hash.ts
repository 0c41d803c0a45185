/** A machine's state as one number: everything a guest could see of it, and nothing that only a tier knows. */
import { readStatusFlags } from '../../src/cpu/emit/flags.ts';
import { ENGINE_RESERVED_BYTES, type EngineVcpu } from '../../src/cpu/engine.ts';
import * as state from '../../src/cpu/state.ts';

const PRIME_A = 0x9e3779b1;
const PRIME_B = 0x85ebca77;

/** A hash of all frames and of the vCPUs' registers, 16 hexadecimal digits. 256 MiB take some 0.1 s. */
export function machineHash(memory: ArrayBufferLike, vcpus: Iterable<EngineVcpu>): string {
  const words = new Int32Array(memory, ENGINE_RESERVED_BYTES);
  const hash = new Hash();
  hash.add(words, 0, words.length);
  for (const vcpu of vcpus) {
    const text = registersOf(vcpu).join('\n');
    const codes = Int32Array.from({ length: (text.length + 3) & ~3 }, (_, index) => text.charCodeAt(index) || 0);
    hash.add(codes, 0, codes.length);
  }
  return hash.digits();
}

/** Four lanes of multiply and rotate, mixed into 64 bits. */
class Hash {
  readonly #lanes = new Int32Array([1, 2, 3, 4]);

  /** The number of words is a multiple of 4. */
  add(words: Int32Array, from: number, to: number): void {
    let [a = 0, b = 0, c = 0, d = 0] = this.#lanes;
    for (let i = from; i < to; i += 4) {
      a = Math.imul(a ^ (words[i] as number), PRIME_A);
      a = (a << 13) | (a >>> 19);
      b = Math.imul(b ^ (words[i + 1] as number), PRIME_A);
      b = (b << 13) | (b >>> 19);
      c = Math.imul(c ^ (words[i + 2] as number), PRIME_A);
      c = (c << 13) | (c >>> 19);
      d = Math.imul(d ^ (words[i + 3] as number), PRIME_A);
      d = (d << 13) | (d >>> 19);
    }
    this.#lanes.set([a, b, c, d]);
  }

  digits(): string {
    const [a = 0, b = 0, c = 0, d = 0] = this.#lanes;
    return hex32(mix(mix(d, b), mix(c, a))) + hex32(mix(mix(a, b), mix(c, d)));
  }
}

function mix(a: number, b: number): number {
  const x = Math.imul(a ^ ((b << 16) | (b >>> 16)), PRIME_B);
  return Math.imul(x ^ (x >>> 15), PRIME_A) ^ b;
}

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}

const GPR_NAMES = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'];
const SEGMENT_NAMES = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'];
// biome-ignore format: a register is a line
const SYSTEM_REGISTERS: readonly (readonly [name: string, offset: number])[] = [
  ['cr0', state.OFFSET_CR0], ['cr2', state.OFFSET_CR2], ['cr3', state.OFFSET_CR3], ['cr4', state.OFFSET_CR4],
  ['efer', state.OFFSET_EFER], ['xcr0', state.OFFSET_XCR0], ['star', state.OFFSET_STAR], ['lstar', state.OFFSET_LSTAR],
  ['cstar', state.OFFSET_CSTAR], ['sfmask', state.OFFSET_SFMASK], ['kernel_gs', state.OFFSET_KERNEL_GS_BASE],
  ['sysenter_cs', state.OFFSET_SYSENTER_CS], ['sysenter_esp', state.OFFSET_SYSENTER_ESP],
  ['sysenter_eip', state.OFFSET_SYSENTER_EIP], ['tsc_aux', state.OFFSET_TSC_AUX], ['pat', state.OFFSET_PAT],
  ['tsc_offset', state.OFFSET_TSC_OFFSET], ['gdtr', state.OFFSET_GDTR], ['idtr', state.OFFSET_IDTR],
];

/** A line for each register that a guest could see, `name value`. */
export function registersOf(vcpu: EngineVcpu): string[] {
  const cpu = vcpu.state;
  const rflags = cpu.u32(state.OFFSET_RFLAGS_REST) | readStatusFlags(cpu) | 2;
  const line = (name: string, value: bigint | number): string => `${name} ${value.toString(16)}`;
  const at = (offset: number): bigint => cpu.u64(offset);
  return [
    line('instructions', vcpu.instructions),
    line('rip', cpu.rip),
    line('rflags', rflags >>> 0),
    line('cpl', cpu.cpl),
    ...Array.from({ length: 16 }, (_, number) => line(GPR_NAMES[number] ?? `r${number}`, cpu.gpr(number))),
    ...SEGMENT_NAMES.flatMap((name, number) => {
      const offset = state.OFFSET_SEGMENTS + number * state.SEGMENT_SIZE;
      return [line(name, at(offset)), line(`${name}.base`, at(offset + state.SEGMENT_BASE))];
    }),
    ...SYSTEM_REGISTERS.map(([name, offset]) => line(name, at(offset))),
    ...Array.from({ length: 8 }, (_, number) => line(`dr${number}`, at(state.OFFSET_DR + number * 8))),
    ...halves('xmm', 16, state.OFFSET_XMM, at),
    ...halves('st', 8, state.OFFSET_X87, at),
    line('mxcsr', cpu.u32(state.OFFSET_MXCSR)),
    ...Array.from({ length: 4 }, (_, part) => line(`x87.${part}`, at(state.OFFSET_X87_CONTROL + part * 8))),
  ];
}

function halves(name: string, count: number, offset: number, at: (offset: number) => bigint): string[] {
  return Array.from({ length: count }, (_, number) => {
    const high = at(offset + number * 16 + 8)
      .toString(16)
      .padStart(16, '0');
    return `${name}${number} ${high}${at(offset + number * 16)
      .toString(16)
      .padStart(16, '0')}`;
  });
}
