/** The engines that instruction tests run on. A test names none of them: it is a rule of the processor, not of a tier. */
import { type TestContext, test } from 'node:test';
import type { Engine } from '../../src/cpu/engine.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import { InterpreterEngine } from '../../src/cpu/interpreter/engine.ts';

/** Makes an engine over all of a machine memory. */
export type EngineMaker = (memory: WebAssembly.Memory) => Engine;

export interface TestedEngine {
  readonly name: string;
  readonly make: EngineMaker;
  /** It compiles whatever it comes to, which takes a millisecond each time. */
  readonly isSlowToStart?: true;
}

export const ENGINES: readonly TestedEngine[] = [
  { name: 'interpreter', make: (memory) => new InterpreterEngine(memory, ALL_INSTRUCTIONS, { regions: false }) },
  {
    name: 'regions',
    make: (memory) => new InterpreterEngine(memory, ALL_INSTRUCTIONS, { regions: 'eager' }),
    isSlowToStart: true,
  },
];

/** One test for each engine. */
export function forEveryEngine(
  name: string,
  body: (make: EngineMaker, context: TestContext, engine: TestedEngine) => void | Promise<void>,
  options: { readonly skip?: string | false } = {},
): void {
  for (const engine of ENGINES) {
    const skip = options.skip === false || options.skip === undefined ? {} : { skip: options.skip };
    test(`${name} [${engine.name}]`, skip, (context) => body(engine.make, context, engine));
  }
}
