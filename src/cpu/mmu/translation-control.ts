/** The registers that translation depends on, as they were when translations were last forgotten because of them. */
import * as state from '../state.ts';

export class TranslationControl {
  readonly #cpu: state.VcpuState;
  #cr0 = 0;
  #cr3Lo = 0;
  #cr3Hi = 0;
  #cr4 = 0;
  #efer = 0;

  constructor(cpu: state.VcpuState) {
    this.#cpu = cpu;
    this.note();
  }

  note(): void {
    const cpu = this.#cpu;
    this.#cr0 = cpu.u32(state.OFFSET_CR0) & CR0_TRANSLATION;
    this.#cr3Lo = cpu.u32(state.OFFSET_CR3);
    this.#cr3Hi = cpu.u32(state.OFFSET_CR3 + 4);
    this.#cr4 = cpu.u32(state.OFFSET_CR4) & CR4_TRANSLATION;
    this.#efer = cpu.u32(state.OFFSET_EFER) & EFER_TRANSLATION;
  }

  /** CR3 was changed, and nothing else. */
  noteCr3(): void {
    this.#cr3Lo = this.#cpu.u32(state.OFFSET_CR3);
    this.#cr3Hi = this.#cpu.u32(state.OFFSET_CR3 + 4);
  }

  /** Whether they are others than noted. */
  changed(): boolean {
    const cpu = this.#cpu;
    return (
      (cpu.u32(state.OFFSET_CR0) & CR0_TRANSLATION) !== this.#cr0 ||
      cpu.u32(state.OFFSET_CR3) !== this.#cr3Lo ||
      cpu.u32(state.OFFSET_CR3 + 4) !== this.#cr3Hi ||
      (cpu.u32(state.OFFSET_CR4) & CR4_TRANSLATION) !== this.#cr4 ||
      (cpu.u32(state.OFFSET_EFER) & EFER_TRANSLATION) !== this.#efer
    );
  }
}

/** A change of these voids cached translations. */
export const CR0_TRANSLATION = state.CR0_PG | state.CR0_WP | state.CR0_PE;
export const CR4_TRANSLATION =
  state.CR4_PSE | state.CR4_PAE | state.CR4_PGE | state.CR4_PCIDE | state.CR4_SMEP | state.CR4_SMAP;
const EFER_TRANSLATION = state.EFER_LMA | state.EFER_NXE;
