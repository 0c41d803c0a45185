import { equal, match, notEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { helloKernel } from '../../guests/hello/hello.ts';
import type { Engine, EngineVcpu, Exit, Intercepts, NestedPaging, TscSource } from '../../src/cpu/engine.ts';
import { InterpreterEngine } from '../../src/cpu/interpreter/engine.ts';
import { R15 } from '../../src/cpu/state.ts';
import { ForwardingVcpu } from '../../src/machine/forwarding-vcpu.ts';
import { difference, type Guest, record, type Way } from './compare-runs.ts';

const HELLO: Guest = {
  files: { hello: helloKernel() },
  settings: ['name="hello"', 'type="pvh"', 'memory=32', 'kernel="hello"'],
};
const INTERPRETER: Way = { name: 'interpreter', make: (memory) => new InterpreterEngine(memory) };
const PLAN = { from: 1_228, every: 4, to: 1_244 };

test('a guest runs the same way twice: console, instructions, time in it', async () => {
  const [first, second] = [await record(HELLO, INTERPRETER, PLAN), await record(HELLO, INTERPRETER, PLAN)];
  equal(await difference(HELLO, [INTERPRETER, INTERPRETER], [first, second], PLAN), undefined);
});

test('a wrong register is found at the instruction after which it is wrong', async () => {
  const wrong: Way = { name: 'wrong', make: (memory) => new WrongEngine(new InterpreterEngine(memory)) };
  const recordings = [await record(HELLO, INTERPRETER, PLAN), await record(HELLO, wrong, PLAN)] as const;
  notEqual(recordings[0].checkpoints.lines.length, 0);
  const report = (await difference(HELLO, [INTERPRETER, wrong], recordings, PLAN)) ?? '';
  match(report, new RegExp(`^interpreter and wrong part between instruction ${WRONG_AT - 1} and ${WRONG_AT}\\.`));
  match(report, /\n {2}interpreter: r15 0 {3}wrong: r15 bad\n/);
  match(report, /memory: alike/);
});

const WRONG_AT = 1234;

/** An interpreter that changes R15 after so many instructions. */
class WrongEngine implements Engine {
  readonly #engine: Engine;
  constructor(engine: Engine) {
    this.#engine = engine;
  }
  createVcpu(nested: NestedPaging, intercepts: Intercepts, tsc: TscSource): EngineVcpu {
    return new WrongVcpu(this.#engine.createVcpu(nested, intercepts, tsc));
  }
  destroyVcpu(vcpu: EngineVcpu): void {
    this.#engine.destroyVcpu((vcpu as WrongVcpu).inner);
  }
  memoryWritten(address: number, length: number): void {
    this.#engine.memoryWritten(address, length);
  }
}

class WrongVcpu extends ForwardingVcpu {
  override run(budget: number): Exit {
    const until = WRONG_AT - this.instructions;
    if (until <= 0 || until > budget) return super.run(budget);
    const exit = super.run(until);
    if (this.instructions === WRONG_AT) this.state.setGpr(R15, 0xbadn);
    return exit;
  }
}
