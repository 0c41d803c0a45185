/** FXSAVE and FXRSTOR. XSAVE and its kin are in system-control.ts. */
import { FXSAVE_ALIGNMENT, FXSAVE_BYTES, fxrstor, fxsave, type ImageFormat } from '../../fpu/fxsave.ts';
import type { SystemCpu } from '../../system/system-cpu.ts';
import {
  form,
  type Instruction,
  SYSTEM_FAULT,
  SYSTEM_NEXT,
  type SystemOperands,
  type SystemResult,
  systemInstruction,
} from '../define.ts';
import { address, m } from '../operands.ts';
import { vectorStateOf } from './x87-call.ts';

export const SAVED_STATE: readonly Instruction[] = [onImage('FXSAVE', '0', store), onImage('FXRSTOR', '1', load)];

type Call = (cpu: SystemCpu, operands: SystemOperands) => SystemResult;

function onImage(mnemonic: string, digit: string, call: Call): Instruction {
  return systemInstruction(mnemonic, {
    manual: `SDM vol. 2A, ${mnemonic}`,
    unit: 'x87',
    depends: ['operandSize'],
    forms: [form(`NP 0F AE /${digit}`, [address(m)])],
    call: (cpu, operands) =>
      operands.addressLo % FXSAVE_ALIGNMENT !== 0 ? cpu.generalProtection() : call(cpu, operands),
  });
}

/** What the image has between its fields stays as it was: it is read, changed and written back. */
function store(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  const { addressLo, addressHi } = operands;
  if (!cpu.checkWritable(addressLo, addressHi, FXSAVE_BYTES)) return SYSTEM_FAULT;
  if (!cpu.read(addressLo, addressHi, FXSAVE_BYTES)) return SYSTEM_FAULT;
  fxsave(vectorStateOf(cpu), cpu.data, 0, formatOf(cpu, operands));
  return cpu.write(addressLo, addressHi, FXSAVE_BYTES) ? SYSTEM_NEXT : SYSTEM_FAULT;
}

function load(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (!cpu.read(operands.addressLo, operands.addressHi, FXSAVE_BYTES)) return SYSTEM_FAULT;
  const valid = fxrstor(vectorStateOf(cpu), cpu.data, 0, formatOf(cpu, operands));
  return valid ? SYSTEM_NEXT : cpu.generalProtection();
}

function formatOf(cpu: SystemCpu, operands: SystemOperands): ImageFormat {
  return { wide: operands.size === 64, mode64: cpu.state.is64Bit };
}
