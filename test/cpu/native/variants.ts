/** What there is to run: every form of the decoder's table, in code of either width, for each operand size and shape. */
import type { FormEntry, HandlerTable } from '../../../src/cpu/interpreter/handlers.ts';
import { lackingFeature } from './host-features.ts';

export interface Variant {
  readonly entry: FormEntry;
  readonly width: 64 | 32;
  readonly operandSize: 16 | 32 | 64;
  /** ModRM.rm names a register, memory, or is not there. */
  readonly shape: 'register' | 'memory' | 'none';
}

/** A form that is not run, and why. */
export interface Left {
  readonly entry: FormEntry;
  readonly why: string;
}

/** Instructions that user mode can execute, but whose outcome is the host kernel's or the clock's, by mnemonic. */
const NOT_COMPARABLE = new Map([
  ['CPUID', 'tells the processor apart'],
  ['RDTSC', 'reads a clock'],
  ['RDTSCP', 'reads a clock'],
  ['RDPMC', 'reads a counter'],
  ['RDPID', 'reads the host CPU number'],
  ['SYSCALL', 'enters the host kernel'],
  ['SYSENTER', 'enters the host kernel'],
  ['INT', 'depends on the host kernel’s IDT'],
  ['INT1', 'depends on the host kernel’s debugger'],
  ['SLDT', 'shows the host kernel’s selector'],
  ['STR', 'shows the host kernel’s selector'],
  ['SMSW', 'shows the host kernel’s CR0'],
  ['SGDT', 'shows the host kernel’s tables'],
  ['SIDT', 'shows the host kernel’s tables'],
  ['VERR', 'depends on the host kernel’s GDT'],
  ['VERW', 'depends on the host kernel’s GDT'],
  ['LAR', 'depends on the host kernel’s GDT'],
  ['LSL', 'depends on the host kernel’s GDT'],
  ['XGETBV', 'shows the host kernel’s XCR0'],
  ['RDFSBASE', 'would move the C library’s thread area'],
  ['RDGSBASE', 'shows the host kernel’s choice'],
  ['WRFSBASE', 'would move the C library’s thread area'],
  ['WRGSBASE', 'would change what the harness does not restore'],
  ['RETF', 'depends on the host kernel’s GDT'],
  ['IRET', 'depends on the host kernel’s GDT'],
  ['LDS', 'depends on the host kernel’s GDT'],
  ['LES', 'depends on the host kernel’s GDT'],
  ['LFS', 'would move the C library’s thread area'],
  ['LGS', 'depends on the host kernel’s GDT'],
  ['LSS', 'depends on the host kernel’s GDT'],
  ['POPF', 'TF would trap in the harness'],
  ['FXSAVE', 'writes more than a window; src/cpu/fpu/fxsave.test.ts compares it'],
  ['FXRSTOR', 'reads more than a window; src/cpu/fpu/fxsave.test.ts compares it'],
  ['XSAVE', 'writes more than a window; src/cpu/fpu/fxsave.test.ts compares it'],
  ['XSAVEOPT', 'writes more than a window; src/cpu/fpu/fxsave.test.ts compares it'],
  ['XRSTOR', 'reads more than a window; src/cpu/fpu/fxsave.test.ts compares it'],
]);

/** System instructions that user mode may try: they end in the same exception everywhere. */
const FAULTS_IN_USER_MODE =
  /^(HLT|CLTS|LMSW|LGDT|LIDT|LLDT|LTR|INVLPG|INVPCID|INVD|WBINVD|RDMSR|WRMSR|XSETBV|SWAPGS|SYSRET|SYSEXIT|MOV|IN|OUT|INS|OUTS|INT3|INTO)$/;

export function enumerate(table: HandlerTable): { variants: Variant[]; left: Left[] } {
  const variants: Variant[] = [];
  const left: Left[] = [];
  for (const entry of table.forms) {
    const why = whyNot(entry);
    if (why !== undefined) left.push({ entry, why });
    else variants.push(...variantsOf(entry));
  }
  return { variants, left };
}

function whyNot(entry: FormEntry): string | undefined {
  const { instruction, form } = entry;
  if (instruction.system && !FAULTS_IN_USER_MODE.test(instruction.mnemonic)) return 'a system instruction';
  const reason = NOT_COMPARABLE.get(instruction.mnemonic);
  if (reason !== undefined) return reason;
  const feature = lackingFeature(entry);
  if (feature !== undefined) return `the host's processor has no ${feature}`;
  if (form.operands.some(({ kind, access }) => kind.file === 'segment' && access !== 'r')) {
    return 'depends on the host kernel’s GDT';
  }
  if (form.operands.some(({ kind }) => kind.name === 'ptr16')) return 'depends on the host kernel’s GDT';
  return undefined;
}

function variantsOf(entry: FormEntry): Variant[] {
  const { form } = entry;
  const variants: Variant[] = [];
  for (const width of [64, 32] as const) {
    if (width === 64 ? form.no64 : form.only64) continue;
    if (width === 32 && entry.encoding.w === 1) continue;
    for (const operandSize of operandSizes(entry, width)) {
      for (const shape of shapes(entry)) variants.push({ entry, width, operandSize, shape });
    }
  }
  return variants;
}

function operandSizes({ form, encoding, instruction }: FormEntry, width: 64 | 32): readonly (16 | 32 | 64)[] {
  const bySize =
    form.operands.some(({ kind }) => ['v', 'z', 'y'].includes(String(kind.width)) || kind.memoryWidth === 'v') ||
    instruction.depends?.includes('operandSize') === true;
  if (width === 64 && encoding.w === 1) return [64];
  if (!bySize) return width === 64 && (form.default64 || form.force64) ? [64] : [32];
  const small = encoding.prefix === '66' || encoding.prefix === 'NP' ? [] : ([16] as const);
  if (width === 32) {
    // A near branch with a 16-bit operand size lands below 64 KiB, where nothing is mapped: one such is enough.
    return [...small, 32];
  }
  if (form.force64) return [64];
  if (form.default64) return [...small, 64];
  return encoding.w === 0 ? [...small, 32] : [...small, 32, 64];
}

function shapes({ form, encoding }: FormEntry): readonly Variant['shape'][] {
  const rm = form.operands.find(({ kind }) => kind.field === 'rm');
  if (!encoding.hasModRm || rm === undefined) return ['none'];
  switch (rm.kind.place) {
    case 'either':
      return ['register', 'memory'];
    case 'memory':
      return ['memory'];
    default:
      return ['register'];
  }
}
