/** IN, OUT, INS, OUTS. */
import { RDX } from '../state.ts';
import { PORT_INPUT, PORT_OUTPUT, PORT_STRING, portAccess } from '../svm/instruction-intercepts.ts';
import { input, inputString, output, outputString } from '../system/ports.ts';
import type { SystemCpu } from '../system/system-cpu.ts';
import { form, type Instruction, REPEAT, type SystemOperands, systemInstruction } from './define.ts';
import {
  AL,
  DX,
  eAX,
  imm8,
  r,
  stringDestination,
  stringDestination8,
  stringSource,
  stringSource8,
  w,
} from './operands.ts';

/** Bytes of an operand that is 16 or 32 bits wide: REX.W does not widen ports. */
function portBytes(operands: SystemOperands): number {
  return operands.size === 16 ? 2 : 4;
}

const INPUT_STRING = (PORT_INPUT | PORT_STRING) as 5;

function immediatePort(_cpu: SystemCpu, operands: SystemOperands): number {
  return operands.immediate & 0xff;
}

function dx(cpu: SystemCpu): number {
  return cpu.state.gprLo(RDX) & 0xffff;
}

export const IN: readonly Instruction[] = [
  systemInstruction('IN', {
    manual: 'SDM vol. 2A, IN',
    ends: true,
    system: true,
    forms: [form('E4 ib', [w(AL), r(imm8)])],
    intercept: portAccess(PORT_INPUT, immediatePort, () => 1),
    call: (cpu, operands) => input(cpu, operands, operands.immediate & 0xff, 1),
  }),
  systemInstruction('IN', {
    manual: 'SDM vol. 2A, IN',
    ends: true,
    system: true,
    depends: ['operandSize'],
    forms: [form('E5 ib', [w(eAX), r(imm8)])],
    intercept: portAccess(PORT_INPUT, immediatePort, portBytes),
    call: (cpu, operands) => input(cpu, operands, operands.immediate & 0xff, portBytes(operands)),
  }),
  systemInstruction('IN', {
    manual: 'SDM vol. 2A, IN',
    ends: true,
    system: true,
    forms: [form('EC', [w(AL), r(DX)])],
    intercept: portAccess(PORT_INPUT, dx, () => 1),
    call: (cpu, operands) => input(cpu, operands, dx(cpu), 1),
  }),
  systemInstruction('IN', {
    manual: 'SDM vol. 2A, IN',
    ends: true,
    system: true,
    depends: ['operandSize'],
    forms: [form('ED', [w(eAX), r(DX)])],
    intercept: portAccess(PORT_INPUT, dx, portBytes),
    call: (cpu, operands) => input(cpu, operands, dx(cpu), portBytes(operands)),
  }),
];

export const OUT: readonly Instruction[] = [
  systemInstruction('OUT', {
    manual: 'SDM vol. 2B, OUT',
    ends: true,
    system: true,
    forms: [form('E6 ib', [r(imm8), r(AL)])],
    intercept: portAccess(PORT_OUTPUT, immediatePort, () => 1),
    call: (cpu, operands) => output(cpu, operands, operands.immediate & 0xff, 1),
  }),
  systemInstruction('OUT', {
    manual: 'SDM vol. 2B, OUT',
    ends: true,
    system: true,
    depends: ['operandSize'],
    forms: [form('E7 ib', [r(imm8), r(eAX)])],
    intercept: portAccess(PORT_OUTPUT, immediatePort, portBytes),
    call: (cpu, operands) => output(cpu, operands, operands.immediate & 0xff, portBytes(operands)),
  }),
  systemInstruction('OUT', {
    manual: 'SDM vol. 2B, OUT',
    ends: true,
    system: true,
    forms: [form('EE', [r(DX), r(AL)])],
    intercept: portAccess(PORT_OUTPUT, dx, () => 1),
    call: (cpu, operands) => output(cpu, operands, dx(cpu), 1),
  }),
  systemInstruction('OUT', {
    manual: 'SDM vol. 2B, OUT',
    ends: true,
    system: true,
    depends: ['operandSize'],
    forms: [form('EF', [r(DX), r(eAX)])],
    intercept: portAccess(PORT_OUTPUT, dx, portBytes),
    call: (cpu, operands) => output(cpu, operands, dx(cpu), portBytes(operands)),
  }),
];

export const INS: readonly Instruction[] = [
  systemInstruction('INS', {
    manual: 'SDM vol. 2A, INS/INSB/INSW/INSD',
    ends: true,
    system: true,
    depends: ['addressSize'],
    forms: [form('6C', [w(stringDestination8), r(DX)], REPEAT)],
    intercept: portAccess(INPUT_STRING, dx, () => 1),
    call: (cpu, operands) => inputString(cpu, operands, 1),
  }),
  systemInstruction('INS', {
    manual: 'SDM vol. 2A, INS/INSB/INSW/INSD',
    ends: true,
    system: true,
    depends: ['operandSize', 'addressSize'],
    forms: [form('6D', [w(stringDestination), r(DX)], REPEAT)],
    intercept: portAccess(INPUT_STRING, dx, portBytes),
    call: (cpu, operands) => inputString(cpu, operands, portBytes(operands)),
  }),
];

export const OUTS: readonly Instruction[] = [
  systemInstruction('OUTS', {
    manual: 'SDM vol. 2B, OUTS/OUTSB/OUTSW/OUTSD',
    ends: true,
    system: true,
    depends: ['addressSize'],
    forms: [form('6E', [r(DX), r(stringSource8)], REPEAT)],
    intercept: portAccess(PORT_STRING, dx, () => 1),
    call: (cpu, operands) => outputString(cpu, operands, 1),
  }),
  systemInstruction('OUTS', {
    manual: 'SDM vol. 2B, OUTS/OUTSB/OUTSW/OUTSD',
    ends: true,
    system: true,
    depends: ['operandSize', 'addressSize'],
    forms: [form('6F', [r(DX), r(stringSource)], REPEAT)],
    intercept: portAccess(PORT_STRING, dx, portBytes),
    call: (cpu, operands) => outputString(cpu, operands, portBytes(operands)),
  }),
];

export const SYSTEM_PORTS: readonly Instruction[] = [...IN, ...OUT, ...INS, ...OUTS];
