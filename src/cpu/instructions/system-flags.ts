/** CLI, STI, PUSHF, POPF, CLAC, STAC: flags that privilege guards. CLD and STD are with the status flags. */
import type { Semantics } from '../emit/semantics.ts';
import { TLB_SIZE, TLB_SUPERVISOR, TLB_SUPERVISOR_AC } from '../emit/tlb-layout.ts';
import type { Value } from '../emit/values.ts';
import { DR7_ENABLED } from '../mmu/data-breakpoints.ts';
import * as state from '../state.ts';
import { byIopl } from '../svm/instruction-intercepts.ts';
import { VMEXIT_POPF, VMEXIT_PUSHF } from '../svm/vmcb.ts';
import { popFlags, pushFlags } from '../system/flags.ts';
import { popFlagsShortcut } from './transfer-shortcuts.ts';
import { DEFAULT64, form, type Instruction, instruction, systemInstruction } from './define.ts';

const REST = state.OFFSET_RFLAGS_REST;
const OFFSET_DR7 = state.OFFSET_DR + 7 * 8;
/** What PUSHF shows of the flags that arithmetic does not set: all but RF and VM. */
const PUSHED =
  state.FLAG_TF |
  state.FLAG_IF |
  state.FLAG_DF |
  state.FLAG_IOPL |
  state.FLAG_NT |
  state.FLAG_AC |
  state.FLAG_VIF |
  state.FLAG_VIP |
  state.FLAG_ID;

export const CLI = instruction('CLI', {
  manual: 'SDM vol. 2A, CLI',
  hot: true,
  forms: [form('FA')],
  execute(m) {
    const rest = checkIopl(m);
    m.storeState(REST, m.and(rest, m.const(32, ~state.FLAG_IF)));
  },
});

export const STI = instruction('STI', {
  manual: 'SDM vol. 2B, STI',
  hot: true,
  shadow: true,
  forms: [form('FB')],
  execute(m) {
    const rest = checkIopl(m);
    // No shadow where interrupts were enabled already.
    m.if(m.not(m.bit(rest, 9)), () => {
      m.storeState(REST, m.or(rest, m.const(32, state.FLAG_IF)));
      m.storeState(state.OFFSET_SHADOW_RIP, m.control.nextRip());
      const stop = m.loadState(state.OFFSET_STOP, 32);
      m.storeState(state.OFFSET_STOP, m.or(stop, m.loadState(state.OFFSET_WINDOW, 32)));
    });
  },
});

export const PUSHF = instruction('PUSHF', {
  manual: 'SDM vol. 2B, PUSHF/PUSHFD/PUSHFQ',
  hot: true,
  depends: ['operandSize', 'stackSize'],
  forms: [form('9C', [], DEFAULT64)],
  intercept: byIopl(VMEXIT_PUSHF),
  call: pushFlags,
  execute(m) {
    const { operandSize, stackSize } = m.context;
    const rest = m.loadState(REST, 32);
    if (stackSize !== 64) {
      const trapped = m.and(m.bit(rest, 17), m.below(iopl(m, rest), m.const(32, 3)));
      m.raiseIf(trapped, state.EXCEPTION_GP, 0);
    }
    const flags = m.or(m.or(m.and(rest, m.const(32, PUSHED)), m.const(32, 2)), statusFlags(m));
    m.pushStack(operandSize === 64 ? m.zext(flags, 64) : m.trunc(flags, operandSize));
  },
});

export const POPF = systemInstruction('POPF', {
  manual: 'SDM vol. 2B, POPF/POPFD/POPFQ',
  depends: ['operandSize', 'stackSize'],
  forms: [form('9D', [], DEFAULT64)],
  intercept: byIopl(VMEXIT_POPF),
  shortcut: popFlagsShortcut,
  call: popFlags,
});

export const CLAC = instruction('CLAC', {
  manual: 'SDM vol. 2A, CLAC',
  hot: true,
  ends: true,
  forms: [form('NP 0F 01 CA')],
  execute(m) {
    const rest = requireLevel0(m);
    m.if(m.bit(rest, 18), () => {
      m.storeState(REST, m.and(rest, m.const(32, ~state.FLAG_AC)));
      moveTlb(m, TLB_SUPERVISOR - TLB_SUPERVISOR_AC);
    });
    m.control.jump(m.control.nextRip());
  },
});

export const STAC = instruction('STAC', {
  manual: 'SDM vol. 2B, STAC',
  hot: true,
  ends: true,
  forms: [form('NP 0F 01 CB')],
  execute(m) {
    const rest = requireLevel0(m);
    m.if(m.not(m.bit(rest, 18)), () => {
      m.storeState(REST, m.or(rest, m.const(32, state.FLAG_AC)));
      moveTlb(m, TLB_SUPERVISOR_AC - TLB_SUPERVISOR);
    });
    m.control.jump(m.control.nextRip());
  },
});

export const SYSTEM_FLAGS: readonly Instruction[] = [CLI, STI, PUSHF, POPF, CLAC, STAC];

function iopl(m: Semantics, rest: Value): Value {
  return m.and(m.shr(rest, 12), m.const(32, 3));
}

// #GP(0) unless CPL <= IOPL. Real mode runs at CPL 0, virtual-8086 mode at 3. Returns the stored flags.
function checkIopl(m: Semantics): Value {
  const rest = m.loadState(REST, 32);
  m.raiseIf(m.below(iopl(m, rest), m.loadState(state.OFFSET_CPL, 32)), state.EXCEPTION_GP, 0);
  return rest;
}

function requireLevel0(m: Semantics): Value {
  m.raiseIf(m.ne(m.loadState(state.OFFSET_CPL, 32), m.const(32, 0)), state.EXCEPTION_UD);
  return m.loadState(REST, 32);
}

// At CPL 0 the TLBs with and without AC are neighbours: no need to ask TypeScript which one is next. With breakpoints it is
// TLB_NONE, the last one: what is behind that is no TLB.
function moveTlb(m: Semantics, by: number): void {
  const breakpoints = m.and(m.loadState(OFFSET_DR7, 32), m.const(32, DR7_ENABLED));
  m.if(m.isZero(breakpoints), () => {
    m.storeState(state.OFFSET_TLB, m.add(m.loadState(state.OFFSET_TLB, 32), m.const(32, by * TLB_SIZE)));
  });
}

function statusFlags(m: Semantics): Value {
  const places = [
    ['CF', 0],
    ['PF', 2],
    ['AF', 4],
    ['ZF', 6],
    ['SF', 7],
    ['OF', 11],
  ] as const;
  const bits = places.map(([name, place]) => m.shl(m.zext(m.flag(name), 32), place));
  return bits.reduce((all, bit) => m.or(all, bit));
}
