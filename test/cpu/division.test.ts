/** DIV and IDIV at the ends of their ranges (SDM vol. 2A), which take other ways than what programs usually divide. */
import { equal } from 'node:assert/strict';
import { EXIT_HLT, EXIT_SHUTDOWN } from '../../src/cpu/engine.ts';
import { RAX, RCX, RDX } from '../../src/cpu/state.ts';
import { CODE, TestProcessor } from '../../src/cpu/testing/processor.ts';
import { type EngineMaker, forEveryEngine } from './engines.ts';

const HLT = 0xf4;
const WIDTHS = [
  { bits: 32, prefix: [] },
  { bits: 64, prefix: [0x48] },
] as const;
const DIVISIONS = [
  { name: 'DIV', modrm: 0xf1, signed: false },
  { name: 'IDIV', modrm: 0xf9, signed: true },
] as const;

/** Quotient and remainder, or undefined for #DE. */
function expected(dividend: bigint, divisor: bigint, bits: number, signed: boolean): [bigint, bigint] | undefined {
  const cut = (value: bigint, width: number): bigint =>
    signed ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value);
  const [a, b] = [cut(dividend, 2 * bits), cut(divisor, bits)];
  if (b === 0n) return undefined;
  const quotient = a / b;
  if (cut(quotient, bits) !== quotient) return undefined;
  return [BigInt.asUintN(bits, quotient), BigInt.asUintN(bits, a % b)];
}

/** What the processor makes of it. */
class Divider {
  readonly #make: EngineMaker;
  #cpu: TestProcessor;

  constructor(make: EngineMaker) {
    this.#make = make;
    this.#cpu = new TestProcessor({}, make);
  }

  divide(code: readonly number[], dividend: bigint, divisor: bigint, bits: number): [bigint, bigint] | undefined {
    const { state } = this.#cpu;
    state.setGpr(RAX, BigInt.asUintN(bits, dividend));
    state.setGpr(RDX, BigInt.asUintN(bits, dividend >> BigInt(bits)));
    state.setGpr(RCX, BigInt.asUintN(bits, divisor));
    const exit = this.#cpu.run(code, CODE, 100);
    if (exit === EXIT_HLT) return [state.gpr(RAX), state.gpr(RDX)];
    // There is no IDT: #DE ends the processor.
    equal(exit, EXIT_SHUTDOWN);
    this.#cpu[Symbol.dispose]();
    this.#cpu = new TestProcessor({}, this.#make);
    return undefined;
  }
}

for (const { name, modrm, signed } of DIVISIONS) {
  forEveryEngine(`${name} is exact to the last quotient that fits, and raises #DE from there on`, (make) => {
    const divider = new Divider(make);
    for (const { bits, prefix } of WIDTHS) {
      const code = [...prefix, 0xf7, modrm, HLT];
      const half = 1n << BigInt(bits - 1);
      const ends = [0n, 1n, 7n, half - 1n, half, half + 1n, 2n * half - 1n];
      for (const divisor of ends) {
        for (const high of ends) {
          for (const low of ends) {
            const dividend = high * 2n * half + low;
            const got = divider.divide(code, dividend, divisor, bits);
            const should = expected(dividend, divisor, bits, signed);
            equal(`${got}`, `${should}`, `${dividend} by ${divisor}, ${bits} bits`);
          }
        }
      }
    }
  });
}
