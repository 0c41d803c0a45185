/** Delivery in long mode (SDM vol. 3A, 6.14). Every page fault and interrupt of a kernel comes this way: no bigint here. */
import { PRIVILEGE_SUPERVISOR, PRIVILEGE_USER } from '../mmu/walk.ts';
import * as state from '../state.ts';
import { loadHidden, markAccessed, TYPE_INTERRUPT_GATE, TYPE_TRAP_GATE } from './descriptors.ts';
import { type Event, enterHandler, externalBit, gateError, readTarget, savedFlags } from './event.ts';
import { isCanonicalHigh, type SystemCpu } from './system-cpu.ts';

const OFFSET_RSP = state.OFFSET_GPR + state.RSP * 8;
const TR_BASE = state.OFFSET_SEGMENTS + state.TR * state.SEGMENT_SIZE + state.SEGMENT_BASE;
const FRAME_BYTES = 40;
const L_WITHOUT_D = state.ATTRIBUTE_L | state.ATTRIBUTE_DB;

/** Through a gate of the 16-byte kind; false after raising another exception. */
export function deliverLong(cpu: SystemCpu, event: Event): boolean {
  if (!readGate(cpu, event)) return false;
  const low = cpu.data.getUint32(0, true);
  const middle = cpu.data.getUint32(4, true);
  const offsetHi = cpu.data.getUint32(8, true);
  const selector = low >>> 16;
  const target = readTarget(cpu, event, selector);
  if (target === undefined) return false;
  const { code, level } = target;
  if ((code.attributes & L_WITHOUT_D) !== state.ATTRIBUTE_L) {
    cpu.generalProtection((selector & 0xfffc) | externalBit(event));
    return false;
  }
  if (!longStack(cpu, event, middle & 7, level, cpu.words)) return false;
  if (!push(cpu, event, level, cpu.words)) return false;
  if (!isCanonicalHigh(offsetHi)) {
    cpu.generalProtection(externalBit(event));
    return false;
  }
  if (!markAccessed(cpu, code)) return false;
  const { state: registers } = cpu;
  if (level !== cpu.cpl) registers.setSegment(state.SS, level, level << 5, 0, 0n);
  cpu.cpl = level;
  loadHidden(cpu, state.CS, (selector & 0xfffc) | level, code);
  registers.setHalves(OFFSET_RSP, cpu.words[0] as number, cpu.words[1] as number);
  registers.setHalves(state.OFFSET_RIP, ((low & 0xffff) | (middle & 0xffff0000)) >>> 0, offsetHi);
  enterHandler(cpu, event, ((middle >>> 8) & 0x1f) === TYPE_INTERRUPT_GATE);
  return true;
}

/**
 * Fills `out` with the halves of RSP for a level: of the interrupted code, or from the TSS (`ist` is 1 to 7 for the
 * interrupt stack table). False after raising.
 */
export function longStack(cpu: SystemCpu, event: Event, ist: number, level: number, out: Uint32Array): boolean {
  const { state: registers, data } = cpu;
  if (ist === 0 && level === cpu.cpl) {
    out[0] = registers.u32(OFFSET_RSP);
    out[1] = registers.u32(OFFSET_RSP + 4);
    return true;
  }
  // SDM vol. 3A, figure 8-11: RSP0 at 4, IST1 at 36
  const offset = ist === 0 ? 4 + level * 8 : 36 + (ist - 1) * 8;
  if (offset + 7 > registers.segmentLimit(state.TR)) {
    cpu.raise(state.EXCEPTION_TS, (registers.segmentSelector(state.TR) & 0xfffc) | externalBit(event));
    return false;
  }
  if (!cpu.readBased(TR_BASE, offset, 8)) return false;
  out[0] = data.getUint32(0, true);
  out[1] = data.getUint32(4, true);
  if (isCanonicalHigh(out[1] as number)) return true;
  cpu.raise(state.EXCEPTION_SS, externalBit(event));
  return false;
}

// Leaves the gate in the buffer; false after raising.
function readGate(cpu: SystemCpu, event: Event): boolean {
  const offset = event.vector * 16;
  if (offset + 15 > cpu.state.u32(state.OFFSET_IDTR + 8)) {
    cpu.generalProtection(gateError(event));
    return false;
  }
  if (!cpu.readBased(state.OFFSET_IDTR, offset, 16)) return false;
  const word = cpu.data.getUint32(4, true);
  const type = (word >>> 8) & 0x1f;
  const isRefused = event.source === 'software' && ((word >>> 13) & 3) < cpu.cpl;
  if ((type !== TYPE_INTERRUPT_GATE && type !== TYPE_TRAP_GATE) || isRefused) {
    cpu.generalProtection(gateError(event));
    return false;
  }
  if ((word & 0x8000) !== 0) return true;
  cpu.raise(state.EXCEPTION_NP, gateError(event));
  return false;
}

// Writes the frame below the stack in `pointer`, which then is where the frame starts.
function push(cpu: SystemCpu, event: Event, level: number, pointer: Uint32Array): boolean {
  const { state: registers, data } = cpu;
  const hasError = event.errorCode >= 0;
  const bytes = hasError ? FRAME_BYTES + 8 : FRAME_BYTES;
  let at = 0;
  const put = (lo: number, hi: number): void => {
    data.setUint32(at, lo, true);
    data.setUint32(at + 4, hi, true);
    at += 8;
  };
  if (hasError) put(event.errorCode, 0);
  put(registers.u32(state.OFFSET_RIP), registers.u32(state.OFFSET_RIP + 4));
  put(registers.segmentSelector(state.CS), 0);
  put(savedFlags(cpu, event), 0);
  put(registers.u32(OFFSET_RSP), registers.u32(OFFSET_RSP + 4));
  put(registers.segmentSelector(state.SS), 0);
  // Aligned to 16 bytes first.
  const lo = (((pointer[0] as number) & ~15) >>> 0) - bytes;
  pointer[0] = lo;
  if (lo < 0) pointer[1] = (pointer[1] as number) - 1;
  if (!isCanonicalHigh(pointer[1] as number)) {
    cpu.raise(state.EXCEPTION_SS, externalBit(event));
    return false;
  }
  // A handler at CPL 3 pushes with user rights, all others with the supervisor's.
  const privilege = level === 3 ? PRIVILEGE_USER : PRIVILEGE_SUPERVISOR;
  return cpu.writeAt(pointer[0] as number, pointer[1] as number, bytes, privilege);
}
