/** What of the control area counts while a guest runs, as VMRUN found it: later changes of the VMCB do not matter. */
import * as vmcb from './vmcb.ts';

export class GuestControl {
  /** Physical address of the VMCB. */
  address = 0;
  readonly #intercepts = new Uint32Array(vmcb.INTERCEPT_WORD_COUNT);
  iopmBase = 0;
  msrpmBase = 0;
  nestedPaging = false;
  /** V_TPR, V_IRQ and V_INTR_MASKING as they are now. */
  vintr = 0;
  virtualVector = 0;

  load(address: number, block: DataView): void {
    this.address = address;
    for (let word = 0; word < vmcb.INTERCEPT_WORD_COUNT; word++) {
      this.#intercepts[word] = block.getUint32(vmcb.INTERCEPT_WORDS + word * 4, true);
    }
    this.iopmBase = pageAt(block, vmcb.IOPM_BASE_PA);
    this.msrpmBase = pageAt(block, vmcb.MSRPM_BASE_PA);
    this.nestedPaging = (block.getUint32(vmcb.NP_ENABLE, true) & 1) !== 0;
    this.vintr = block.getUint32(vmcb.VINTR, true);
    this.virtualVector = block.getUint8(vmcb.V_INTR_VECTOR);
  }

  /** Whether what an exit code stands for leaves the guest. */
  intercepts(code: number): boolean {
    return (((this.#intercepts[code >>> 5] as number) >>> (code & 31)) & 1) !== 0;
  }

  /** The exceptions that do, a bit for each vector. */
  get exceptions(): number {
    return this.#intercepts[vmcb.VMEXIT_EXCEPTION >>> 5] as number;
  }

  /** Interrupts are masked by the flag of who runs the guest; the guest's own flag and CR8 are for virtual ones. */
  get masksInterrupts(): boolean {
    return (this.vintr & vmcb.V_INTR_MASKING) !== 0;
  }

  /** A virtual interrupt waits whose priority is above V_TPR. */
  get hasVirtualInterrupt(): boolean {
    if ((this.vintr & vmcb.V_IRQ) === 0) return false;
    const priority = (this.vintr & vmcb.V_INTR_PRIO) >>> vmcb.V_INTR_PRIO_SHIFT;
    return (this.vintr & vmcb.V_IGN_TPR) !== 0 || priority > (this.vintr & 0xf);
  }
}

// Bits 11:0 are ignored (APM vol. 2, 15.10.1 and 15.11).
function pageAt(block: DataView, offset: number): number {
  return (
    (block.getUint32(offset + 4, true) % 0x100000) * 0x100000000 + ((block.getUint32(offset, true) & ~0xfff) >>> 0)
  );
}
