/** A guest with SVM that runs one of its own: a control block, a few bytes of code around VMRUN, and what came out. */
import { Assembler } from '../../decode/assembler.ts';
import { EXIT_HLT, type Exit, type Intercepts } from '../../engine.ts';
import { ALL_INSTRUCTIONS } from '../../instructions/all.ts';
import * as state from '../../state.ts';
import { GDT, IDT, SystemGuest } from '../../system/testing/system-guest.ts';
import { CODE, type EngineMaker, PML4 } from '../../testing/processor.ts';
import * as vmcb from '../vmcb.ts';

export const VMCB = 0x60000;
export const IOPM = 0x61000;
export const MSRPM = 0x64000;
export const GUEST_CODE = 0x70000;
export const GUEST_STACK = 0x78000;
/** Nested tables, where a test has some; a page table for the first 2 MiB at NESTED_TABLES + 0x3000. */
export const NESTED_TABLES = 0x90000;

const PRESENT = 7;

const assembler = new Assembler(ALL_INSTRUCTIONS);

/** The bytes of assembly at an address. */
export function assemble(source: string, origin: number, width: 16 | 32 | 64 = 64): number[] {
  return [...assembler.assemble(source, { origin, width }).bytes];
}

/** What #VMEXIT said. */
export interface Left {
  readonly code: number;
  readonly info1: bigint;
  readonly info2: bigint;
  readonly rip: number;
  readonly nextRip: number;
}

export class HypervisorGuest extends SystemGuest {
  constructor(platform: Partial<Intercepts> = {}, make?: EngineMaker) {
    super({ hasSvm: true, ...platform }, make);
    this.state.setU32(state.OFFSET_EFER, this.state.u32(state.OFFSET_EFER) | state.EFER_SVME);
    this.#prepare();
  }

  field(at: number): bigint {
    return this.view.getBigUint64(VMCB + at, true);
  }
  setField(at: number, value: bigint | number): void {
    this.view.setBigUint64(VMCB + at, BigInt(value), true);
  }

  /** What an exit code stands for leaves the guest. */
  intercept(...codes: readonly number[]): void {
    for (const code of codes) {
      const at = VMCB + vmcb.INTERCEPT_WORDS + (code >>> 5) * 4;
      this.view.setUint32(at, this.view.getUint32(at, true) | (1 << (code & 31)), true);
    }
  }

  /** Runs the guest from assembly until it leaves, and what runs it halts; or something else ends the run. */
  runGuest(source: string, budget?: number): Exit {
    this.load(GUEST_CODE, assemble(source, GUEST_CODE));
    this.setField(vmcb.SAVE_RIP, GUEST_CODE);
    return this.resume(budget);
  }

  /** The same, from where it was left. */
  resume(budget?: number): Exit {
    return this.run(assemble(`mov rax, ${VMCB}\nvmrun\nhlt`, CODE), CODE, budget);
  }

  /** Runs the guest and tells why it was left. */
  left(source: string): Left {
    return this.reason(this.runGuest(source));
  }

  reason(exit: Exit): Left {
    if (exit !== EXIT_HLT || this.isInGuest) throw new Error(`exit ${exit} at ${this.state.rip.toString(16)}`);
    return {
      code: Number(BigInt.asIntN(64, this.field(vmcb.EXITCODE))),
      info1: this.field(vmcb.EXITINFO1),
      info2: this.field(vmcb.EXITINFO2),
      rip: Number(this.field(vmcb.SAVE_RIP)),
      nextRip: Number(this.field(vmcb.NRIP)),
    };
  }

  get isInGuest(): boolean {
    return (this.state.u32(state.OFFSET_SVM) & state.SVM_GUEST_MODE) !== 0;
  }

  /** Gives the guest nested paging: its first 2 MiB are the same as the guest's own, page by page. */
  nestPages(): void {
    const entry = (at: number, value: number): void => this.view.setBigUint64(NESTED_TABLES + at, BigInt(value), true);
    entry(0, (NESTED_TABLES + 0x1000) | PRESENT);
    entry(0x1000, (NESTED_TABLES + 0x2000) | PRESENT);
    entry(0x2000, (NESTED_TABLES + 0x3000) | PRESENT);
    for (let page = 0; page < 512; page++) this.nestPage(page * 4096, (page * 4096) | PRESENT);
    this.setField(vmcb.NP_ENABLE, 1);
    this.setField(vmcb.N_CR3, NESTED_TABLES);
  }

  /** Sets the nested entry of a page of the first 2 MiB. */
  nestPage(address: number, entry: number): void {
    this.view.setBigUint64(NESTED_TABLES + 0x3000 + (address >>> 12) * 8, BigInt(entry), true);
  }
  nestedEntry(address: number): number {
    return this.view.getUint32(NESTED_TABLES + 0x3000 + (address >>> 12) * 8, true);
  }

  // 64-bit code at CPL 0 with the guest's own tables.
  #prepare(): void {
    this.intercept(vmcb.VMEXIT_VMRUN);
    this.setField(vmcb.GUEST_ASID, 1);
    this.setField(vmcb.IOPM_BASE_PA, IOPM);
    this.setField(vmcb.MSRPM_BASE_PA, MSRPM);
    const segment = (at: number, selector: number, attributes: number): void => {
      this.view.setUint16(VMCB + at, selector, true);
      this.view.setUint16(VMCB + at + vmcb.SEGMENT_ATTRIBUTES, attributes, true);
      this.view.setUint32(VMCB + at + vmcb.SEGMENT_LIMIT, 0xffffffff, true);
    };
    segment(vmcb.SAVE_CS, 0x08, 0xa9b);
    for (const at of [vmcb.SAVE_SS, vmcb.SAVE_DS, vmcb.SAVE_ES]) segment(at, 0x10, 0xc93);
    this.setField(vmcb.SAVE_GDTR + vmcb.SEGMENT_BASE, GDT);
    this.view.setUint32(VMCB + vmcb.SAVE_GDTR + vmcb.SEGMENT_LIMIT, 0xff, true);
    this.setField(vmcb.SAVE_IDTR + vmcb.SEGMENT_BASE, IDT);
    this.view.setUint32(VMCB + vmcb.SAVE_IDTR + vmcb.SEGMENT_LIMIT, 0xfff, true);
    for (const [at, offset] of [
      [vmcb.SAVE_CR0, state.OFFSET_CR0],
      [vmcb.SAVE_CR4, state.OFFSET_CR4],
      [vmcb.SAVE_EFER, state.OFFSET_EFER],
    ] as const) {
      this.setField(at, this.state.u64(offset));
    }
    this.setField(vmcb.SAVE_CR3, PML4);
    this.setField(vmcb.SAVE_DR6, 0xffff0ff0);
    this.setField(vmcb.SAVE_DR7, 0x400);
    this.setField(vmcb.SAVE_RFLAGS, 2);
    this.setField(vmcb.SAVE_RSP, GUEST_STACK);
    this.setField(vmcb.SAVE_G_PAT, 0x0007040600070406n);
  }
}
