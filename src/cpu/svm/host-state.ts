/**
 * The state of who runs a guest, kept from VMRUN to #VMEXIT (APM vol. 2, 15.5.1). A processor may keep it in the page of
 * VM_HSAVE_PA or elsewhere: here it is where no guest can write.
 */
import * as state from '../state.ts';

/** Offset and bytes: ES, CS, SS, DS; GDTR, IDTR; CR0; CR3, CR4, EFER; PAT; the PDPTEs; RIP; RAX; RSP. */
const KEPT: readonly (readonly [offset: number, bytes: number])[] = [
  [state.OFFSET_SEGMENTS, 4 * state.SEGMENT_SIZE],
  [state.OFFSET_GDTR, 0x20],
  [state.OFFSET_CR0, 8],
  [state.OFFSET_CR3, 24],
  [state.OFFSET_PAT, 8],
  [state.OFFSET_PDPTE, 32],
  [state.OFFSET_RIP, 8],
  [state.OFFSET_GPR + state.RAX * 8, 8],
  [state.OFFSET_GPR + state.RSP * 8, 8],
];

export class HostState {
  readonly #words = new Uint32Array(KEPT.reduce((sum, [, bytes]) => sum + bytes, 0) / 4);
  rflags = 0;

  save(registers: state.VcpuState, rflags: number): void {
    this.rflags = rflags;
    let next = 0;
    for (const [offset, bytes] of KEPT) {
      for (let at = offset; at < offset + bytes; at += 4) this.#words[next++] = registers.u32(at);
    }
  }

  /** All but RFLAGS, which the caller sets. */
  restore(registers: state.VcpuState): void {
    let next = 0;
    for (const [offset, bytes] of KEPT) {
      for (let at = offset; at < offset + bytes; at += 4) registers.setU32(at, this.#words[next++] as number);
    }
  }
}
