/** The registers with which a vCPU starts. */
import { writeStatusFlags } from '../../src/cpu/emit/flags.ts';
import type { EngineVcpu } from '../../src/cpu/engine.ts';
import * as state from '../../src/cpu/state.ts';
import type { Attacker } from './attack.ts';
import * as place from './places.ts';

const LONG_CR0 = (state.CR0_PG | state.CR0_PE | state.CR0_WP | state.CR0_NE | state.CR0_ET) >>> 0;
const EFER = state.EFER_NXE | state.EFER_SCE | state.EFER_SVME;

/** @param index which one of its domain it is */
export function setUp(vcpu: EngineVcpu, attacker: Attacker, index: number): void {
  const { state: registers } = vcpu;
  const { mode, isUser, alias, shift } = attacker;
  const code = place.CODE + index * place.CODE_SIZE;
  const isLong = mode === 'long' || mode === 'compatibility';
  const isPaged = isLong || mode === 'paged' || mode === 'pae';
  registers.setU32(state.OFFSET_CR0, mode === 'real' ? state.CR0_ET : isPaged ? LONG_CR0 : LONG_CR0 & 0x7fffffff);
  const pae = isLong || mode === 'pae' ? state.CR4_PAE : 0;
  registers.setU32(state.OFFSET_CR4, (attacker.cr4 & ~(isLong ? 0 : state.CR4_PAE | state.CR4_PCIDE)) | pae);
  registers.setU32(state.OFFSET_EFER, EFER | (isLong ? state.EFER_LME | state.EFER_LMA : 0));
  registers.setU64(state.OFFSET_CR3, BigInt(isLong ? place.PML4 : mode === 'pae' ? place.PDPTES : place.DIRECTORY));
  for (let index = 0; index < 4; index++)
    registers.setU64(state.OFFSET_PDPTE + index * 8, mode === 'pae' ? BigInt(place.PD | 1) : 0n);
  registers.setU64(state.OFFSET_VM_HSAVE_PA, BigInt(place.HOST_SAVE));
  registers.setU64(state.OFFSET_XCR0, 3n);
  for (let number = 0; number < 16; number++) registers.setGpr(number, attacker.registers[number] ?? 0n);
  registers.setGpr(state.RSP, BigInt(place.STACK - 0x800));
  setSegments(vcpu, attacker);
  registers.setU64(state.OFFSET_LSTAR, BigInt(place.HANDLER));
  registers.setU64(state.OFFSET_STAR, (0x1bn << 48n) | (BigInt(place.KERNEL_CODE) << 32n));
  registers.setU32(state.OFFSET_CPL, isUser ? 3 : 0);
  registers.setU32(state.OFFSET_RFLAGS_REST, mode === 'vm86' ? state.FLAG_VM | (3 << 12) : isUser ? state.FLAG_IF : 0);
  writeStatusFlags(registers, 0);
  // Real-mode code has its segment begin where it does.
  const isSmall = mode === 'real' || mode === 'vm86';
  registers.rip = isSmall ? BigInt(shift) : alias + BigInt(code + shift);
  if (isSmall) registers.setSegment(state.CS, code >>> 4, mode === 'real' ? 0x9b : 0xf3, 0xffff, BigInt(code));
  vcpu.flushTlb();
}

function setSegments({ state: registers }: EngineVcpu, { mode, isUser }: Attacker): void {
  registers.setU64(state.OFFSET_GDTR, BigInt(place.GDT));
  registers.setU32(state.OFFSET_GDTR + 8, 0xff);
  registers.setU64(state.OFFSET_IDTR, BigInt(mode === 'real' ? 0 : place.IDT));
  registers.setU32(state.OFFSET_IDTR + 8, mode === 'real' ? 0x3ff : 0xfff);
  registers.setSegment(state.TR, place.TASK, 0x8b, 0x67, BigInt(place.TSS));
  if (mode === 'real' || mode === 'vm86') {
    for (let segment = 0; segment < 6; segment++) {
      const paragraph = segment === state.SS ? place.STACK - 0x10000 : place.DATA;
      registers.setSegment(segment, paragraph >>> 4, mode === 'real' ? 0x93 : 0xf3, 0xffff, BigInt(paragraph));
    }
    return;
  }
  const user = isUser ? 0x60 : 0;
  const [code, codeBits] =
    mode === 'long'
      ? [isUser ? place.USER_CODE : place.KERNEL_CODE, 0xa09b]
      : [isUser ? place.USER_CODE_32 : place.KERNEL_CODE_32, 0xc09b];
  registers.setSegment(state.CS, code, codeBits | user, 0xffffffff, 0n);
  for (const segment of [state.SS, state.DS, state.ES]) {
    registers.setSegment(segment, isUser ? place.USER_DATA : place.KERNEL_DATA, 0xc093 | user, 0xffffffff, 0n);
  }
  registers.setSegment(state.FS, 0, 0xc093 | user, 0xffffffff, BigInt(place.DATA + 8));
  registers.setSegment(state.GS, 0, 0xc093 | user, 0xffffffff, 0xfffffff0n);
}
