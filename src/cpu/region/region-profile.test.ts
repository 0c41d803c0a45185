/** What tools are told of regions is what the guest did; whoever does not ask pays nothing. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_HLT } from '../engine.ts';
import { ALL_INSTRUCTIONS } from '../instructions/all.ts';
import type { CodeCache } from '../interpreter/code-cache.ts';
import { InterpreterEngine } from '../interpreter/engine.ts';
import { RECORD_SEGMENTS, RECORDS_END, REGION_PROFILE } from '../interpreter/layout.ts';
import { MachineMemory } from '../mmu/machine-memory.ts';
import { CODE, type EngineMaker, TestProcessor } from '../testing/processor.ts';
import type { RegionCache } from './region-cache.ts';
import { RegionProfile } from './region-profile.ts';

const TIMES = 2000;
// mov ecx, TIMES; 1: mov [rbx], ecx; dec ecx; jnz 1b; hlt
const LOOP = [0xb9, TIMES & 0xff, TIMES >> 8, 0, 0, 0x89, 0x0b, 0xff, 0xc9, 0x75, 0xfa, 0xf4];
const LOOP_LENGTH = 3;

interface Profiled {
  readonly make: EngineMaker;
  memory?: WebAssembly.Memory;
  code?: CodeCache;
  regions?: RegionCache | undefined;
  profile?: RegionProfile;
}

test("a hot loop's instructions, blocks and ways out are counted", () => {
  const engine = profiled(true);
  using processor = new TestProcessor({}, engine.make);
  runLoop(processor);

  const [region, ...rest] = engine.profile?.regions() ?? [];
  ok(region !== undefined);
  equal(rest.length, 0);
  // The interpreter does what comes before, and the loop twice, in the first of which it was found.
  equal(region.rip, BigInt(CODE + 5));
  equal(region.instructions, processor.vcpu.instructions - 1 - 2 * LOOP_LENGTH);
  // Four turns of the loop in turn, and what comes behind it.
  deepEqual(
    region.blocks.map(({ entries }) => entries),
    [...[3, 2, 1, 0].map((later) => Math.floor((TIMES - 2 + later) / 4)), 1],
  );
  deepEqual(
    region.blocks[0]?.instructions.map(({ bytes }) => [...(bytes ?? [])]),
    [
      [0x89, 0x0b],
      [0xff, 0xc9],
      [0x75, 0xfa],
    ],
  );
  const { system, ...others } = region.waysOut;
  equal(system, 1);
  ok(Object.values(others).every((times) => times === 0));
});

test('a region that is dropped with its code says so, and the one after it is another of the same place', () => {
  const engine = profiled(true);
  using processor = new TestProcessor({}, engine.make);
  runLoop(processor);
  for (let segment = 0; segment < RECORD_SEGMENTS; segment++) engine.code?.makeRoom();
  runLoop(processor);
  const fates = engine.profile?.regions().map(({ fate, made, dropped }) => [fate, made, dropped]);
  deepEqual(fates, [
    ['dropped', 2, 1],
    ['in use', 2, 1],
  ]);
});

test('without a profile nothing is counted, and code has nothing that would', () => {
  const [counting, plain] = [profiled(true), profiled(false)];
  for (const { make } of [counting, plain]) {
    using processor = new TestProcessor({}, make);
    runLoop(processor);
  }
  const bytes = ({ regions }: Profiled) => regions?.made.bytes ?? 0;
  equal(plain.regions?.made.regions, counting.regions?.made.regions);
  ok(bytes(plain) < bytes(counting));
  const area = new Uint8Array(
    (plain.memory as WebAssembly.Memory).buffer,
    REGION_PROFILE,
    RECORDS_END - REGION_PROFILE,
  );
  ok(area.every((byte) => byte === 0));
});

function runLoop(processor: TestProcessor): void {
  processor.state.setGpr(3, 0x20000n);
  equal(processor.run(LOOP, CODE, TIMES * 4), EXIT_HLT);
}

function profiled(isCounting: boolean): Profiled {
  const one: Profiled = {
    make: (memory) => {
      one.memory = memory;
      if (isCounting) one.profile = new RegionProfile(new MachineMemory(memory.buffer));
      const asked = one.profile === undefined ? {} : { regionProfile: one.profile };
      const engine = new InterpreterEngine(memory, ALL_INSTRUCTIONS, { regions: 'eager', ...asked });
      one.code = engine.code;
      one.regions = engine.regions;
      return engine;
    },
  };
  return one;
}
