/** The first attacks of `npm run soak -- --only=attack`, and that its guards see what they are there for. */
import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { ENGINE_RESERVED_BYTES, PAGE_SIZE } from '../../src/cpu/engine.ts';
import { InterpreterEngine } from '../../src/cpu/interpreter/engine.ts';
import { VCPU_TLBS } from '../../src/cpu/interpreter/layout.ts';
import { EMPTY_PLATFORM } from '../../src/cpu/testing/processor.ts';
import { drawAttack, relative } from './attack.ts';
import { Campaign } from './campaign.ts';
import { Domain } from './domain.ts';
import { Frames } from './frames.ts';
import { Machine } from './run.ts';
import { shrink } from './shrink.ts';

const ATTACKS = 2;
const makeInterpreter = (memory: WebAssembly.Memory) => new InterpreterEngine(memory, undefined, { regions: false });

test(`${ATTACKS} hostile guests hurt only themselves, on all engines alike`, () => {
  const campaign = new Campaign(['interpreter', 'regions', 'regions, kept code']);
  for (let seed = 1; seed <= ATTACKS; seed++) {
    const attack = drawAttack(seed);
    equal(campaign.check(attack, relative(attack, seed))?.text, undefined);
  }
});

test('a seed is one attack', () => {
  equal(JSON.stringify(drawAttack(7), String), JSON.stringify(drawAttack(7), String));
});

test('who writes to a frame that is nobody’s is seen', () => {
  const machine = new Machine(makeInterpreter);
  const frames = new Frames(machine.memory, machine.engine);
  equal(frames.disturbed(), undefined);
  new Uint8Array(machine.memory.buffer)[ENGINE_RESERVED_BYTES + 0x12345] = 0;
  match(frames.disturbed() ?? '', /is nobody's and was written/);
});

test('who writes to memory of the engine is seen', () => {
  const machine = new Machine(makeInterpreter);
  equal(machine.guard.trampled(), undefined);
  new Uint8Array(machine.memory.buffer)[0x800] = 0;
  match(machine.guard.trampled() ?? '', /engine memory at 800 was written/);
});

test('a TLB that leads where the domain has nothing is seen', () => {
  const machine = new Machine(makeInterpreter);
  const frames = new Frames(machine.memory, machine.engine);
  const domain = new Domain(frames, [1, 2], new Set());
  const vcpu = machine.engine.createVcpu(domain, EMPTY_PLATFORM, { read: () => false });
  domain.vcpus.add(vcpu);
  const entry = vcpu.state.base + VCPU_TLBS;
  const words = new Uint32Array(machine.memory.buffer);
  const leads = (address: number): string | undefined => {
    words.set([0x5000, 0, address - 0x5000], entry / 4);
    return machine.guard.astray(domain);
  };
  equal(leads(domain.machineAddress(2) as number), undefined);
  match(leads(frames.take() * PAGE_SIZE) ?? '', /TLB 0 leads reads of 0:5000/);
});

test('an attack gets as small as it can', () => {
  const attack = drawAttack(3);
  const wanted = attack.attackers[0]?.lines.at(-1);
  const small = shrink(attack, ({ attackers }) => attackers[0]?.lines.at(-1) === wanted);
  equal(small.attackers[0]?.lines.length, 1);
  equal(small.slices.length + small.patches.length, 0);
});
