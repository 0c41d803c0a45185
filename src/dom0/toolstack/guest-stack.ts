import { VcpuGuestContext } from '../../abi/arch-x86/xen.ts';
import { type Domid, gfn } from '../../abi/xen.ts';
import { HypercallError } from '../../libs/call/call.ts';
import type { ToolCalls } from '../../libs/ctrl/tool-calls.ts';
import type { ForeignMemory } from '../../libs/foreignmemory/foreignmemory.ts';
import { PAGE_SIZE, withFrames } from './guest-memory.ts';
import type { SymbolMap } from './symbol-map.ts';

/** What a stack is read through. */
export interface StackHost {
  readonly tools: Pick<ToolCalls, 'vcpu_getcontext'>;
  readonly foreignMemory: ForeignMemory;
}

const CR0_PG = 0x80000000n;
const CR4_PAE = 0x20n;
/** What of the stack is looked at, and how many lines are made of it. */
const STACK_WORDS = 512;
const MOST_LINES = 24;

/**
 * Where a vCPU is and what called that, as far as its stack tells: words on it that lie in code, which with a kernel
 * without frame pointers are returns, or were. The first line is RIP itself. Empty where the vCPU has no registers.
 */
export function stackOf(host: StackHost, domid: Domid, vcpu: number, symbols: SymbolMap): string[] {
  let bytes: Uint8Array;
  try {
    bytes = host.tools.vcpu_getcontext(domid, vcpu);
  } catch (error) {
    if (!(error instanceof HypercallError)) throw error;
    return [];
  }
  const context = new VcpuGuestContext(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
  const { rip, rsp } = context.user_regs;
  const memory = new GuestMemory(host.foreignMemory, domid, context);
  const lines = [line(rip, symbols)];
  for (let index = 0; index < STACK_WORDS && lines.length < MOST_LINES; index++) {
    const word = memory.word(rsp + BigInt(index * 8));
    if (word === undefined) break;
    if (symbols.lookup(word) !== undefined) lines.push(line(word, symbols));
  }
  return lines;
}

function line(address: bigint, symbols: SymbolMap): string {
  return `[<${address.toString(16).padStart(16, '0')}>] ${symbols.lookup(address) ?? '?'}`;
}

/** A guest's memory by the addresses its programs use. */
class GuestMemory {
  readonly #foreign: ForeignMemory;
  readonly #domid: Domid;
  readonly #context: VcpuGuestContext;

  constructor(foreign: ForeignMemory, domid: Domid, context: VcpuGuestContext) {
    this.#foreign = foreign;
    this.#domid = domid;
    this.#context = context;
  }

  /** 8 bytes; undefined where nothing is mapped. */
  word(linear: bigint): bigint | undefined {
    const physical = this.#translate(linear);
    return physical === undefined ? undefined : this.#physicalWord(physical);
  }

  /** Through the four levels of a 64-bit guest's tables (SDM vol. 3A, 4.5); as it is where paging is off. */
  #translate(linear: bigint): bigint | undefined {
    if ((this.#context.ctrlreg(0) & CR0_PG) === 0n) return linear;
    if ((this.#context.ctrlreg(4) & CR4_PAE) === 0n) return undefined;
    let table = this.#context.ctrlreg(3) & FRAME;
    for (let shift = 39n; shift >= 12n; shift -= 9n) {
      const entry = this.#physicalWord(table + ((linear >> shift) & 0x1ffn) * 8n);
      if (entry === undefined || (entry & PRESENT) === 0n) return undefined;
      const offset = (1n << shift) - 1n;
      if (shift === 12n || (shift < 39n && (entry & LARGE) !== 0n))
        return (entry & FRAME & ~offset) | (linear & offset);
      table = entry & FRAME;
    }
    return undefined;
  }

  #physicalWord(physical: bigint): bigint | undefined {
    const frame = gfn(Number(physical >> 12n));
    const offset = Number(physical & 0xff8n);
    try {
      return withFrames(this.#foreign, this.#domid, [frame], ([view]) =>
        view === undefined || offset > PAGE_SIZE - 8
          ? undefined
          : new DataView(view.buffer, view.byteOffset, view.byteLength).getBigUint64(offset, true),
      );
    } catch (error) {
      if (!(error instanceof HypercallError)) throw error;
      return undefined;
    }
  }
}

const PRESENT = 1n;
const LARGE = 0x80n;
const FRAME = 0x000f_ffff_ffff_f000n;
