import {
  EXIT_BUDGET,
  EXIT_HLT,
  EXIT_HYPERCALL,
  EXIT_LEAVE,
  EXIT_SHUTDOWN,
  EXIT_WINDOW,
  type Exit,
} from '../../../cpu/engine.ts';
import {
  CS,
  OFFSET_CR0,
  OFFSET_CR2,
  OFFSET_CR3,
  OFFSET_CR4,
  OFFSET_EFER,
  OFFSET_RFLAGS_REST,
  OFFSET_RIP,
  R8,
  R9,
  R10,
  R11,
  R12,
  R13,
  R14,
  R15,
  RAX,
  RBP,
  RBX,
  RCX,
  RDI,
  RDX,
  RSI,
  RSP,
  SS,
  type VcpuState,
} from '../../../cpu/state.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';

const REMEMBERED = 16;
const WORDS = 4;

const EXIT_NAMES: Readonly<Record<Exit, string>> = {
  [EXIT_BUDGET]: 'budget',
  [EXIT_HYPERCALL]: 'hypercall',
  [EXIT_HLT]: 'hlt',
  [EXIT_WINDOW]: 'window',
  [EXIT_SHUTDOWN]: 'shutdown',
  [EXIT_LEAVE]: 'leave',
};

/** The last exits of a vCPU: why it left guest code, RAX and RIP. Noting one costs three stores. */
export class ExitLog {
  readonly #ring = new Uint32Array(REMEMBERED * WORDS);
  #count = 0;

  note(exit: Exit, state: VcpuState): void {
    const at = (this.#count % REMEMBERED) * WORDS;
    this.#count += 1;
    this.#ring[at] = exit;
    this.#ring[at + 1] = state.gprLo(RAX);
    this.#ring[at + 2] = state.u32(OFFSET_RIP);
    this.#ring[at + 3] = state.u32(OFFSET_RIP + 4);
  }

  /** Oldest first: 'hypercall(rax 0x1d) at ffffffff81001234'. */
  describe(): string[] {
    const first = Math.max(0, this.#count - REMEMBERED);
    return Array.from({ length: this.#count - first }, (_, index) => {
      const at = ((first + index) % REMEMBERED) * WORDS;
      const [exit, rax, lo, hi] = this.#ring.subarray(at, at + WORDS) as unknown as [Exit, number, number, number];
      const rip = ((BigInt(hi) << 32n) | BigInt(lo)).toString(16).padStart(16, '0');
      const detail = exit === EXIT_HYPERCALL ? `(rax ${rax.toString(16)})` : '';
      return `${EXIT_NAMES[exit]}${detail} at ${rip}`;
    });
  }
}

/** Prints a vCPU's registers and last exits to Xen's console, in the manner of Xen's show_registers. */
export function dumpVcpu(vcpu: HvmVcpu): void {
  const { state, xen } = vcpu;
  const log = (line: string) => xen.log(line);
  const register = (index: number) => hex(state.gpr(index));
  const selector = (segment: number) => state.segmentSelector(segment).toString(16).padStart(4, '0');
  log(`----[ ${vcpu.vcpu.name} ]----`);
  log(`RIP:    ${selector(CS)}:[<${hex(state.rip)}>]  CPL ${state.cpl}`);
  // Arithmetic flags are the engine's own until it is asked for them.
  log(`RFLAGS: ${hex(BigInt(state.u32(OFFSET_RFLAGS_REST)))} (without CF PF AF ZF SF OF)`);
  log(`rax: ${register(RAX)}   rbx: ${register(RBX)}   rcx: ${register(RCX)}`);
  log(`rdx: ${register(RDX)}   rsi: ${register(RSI)}   rdi: ${register(RDI)}`);
  log(`rbp: ${register(RBP)}   rsp: ${register(RSP)}   r8:  ${register(R8)}`);
  log(`r9:  ${register(R9)}   r10: ${register(R10)}   r11: ${register(R11)}`);
  log(`r12: ${register(R12)}   r13: ${register(R13)}   r14: ${register(R14)}`);
  log(`r15: ${register(R15)}   cr0: ${hex(state.u64(OFFSET_CR0))}   cr4: ${hex(state.u64(OFFSET_CR4))}`);
  log(`cr3: ${hex(state.u64(OFFSET_CR3))}   cr2: ${hex(state.u64(OFFSET_CR2))}   efer: ${hex(state.u64(OFFSET_EFER))}`);
  log(`ss: ${selector(SS)}   cs: ${selector(CS)}   instructions: ${vcpu.engine.instructions}`);
  for (const line of vcpu.exits.describe()) log(`  exit: ${line}`);
}

function hex(value: bigint): string {
  return value.toString(16).padStart(16, '0');
}
