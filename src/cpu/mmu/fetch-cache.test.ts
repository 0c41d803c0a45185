import { equal, notEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { OFFSET_FETCH_LOCAL, OFFSET_USER_BIAS, VcpuState } from '../state.ts';
import { ENGINE_RESERVED_BYTES } from '../engine.ts';
import { FetchCache } from './fetch-cache.ts';
import { MachineMemory } from './machine-memory.ts';

const memory = new WebAssembly.Memory({
  initial: ENGINE_RESERVED_BYTES / 65536,
  maximum: ENGINE_RESERVED_BYTES / 65536,
});
const cpu = new VcpuState(memory.buffer, 0x100000);

test('to forget all is a new stamp for the address space in use, found by the bias it had', () => {
  const cache = new FetchCache(cpu, new MachineMemory(memory.buffer));
  cache.load(5, false);
  const [stamp, bias] = [cpu.u64(OFFSET_FETCH_LOCAL), cpu.u32(OFFSET_USER_BIAS)];
  cache.forgetAll();
  notEqual(cpu.u64(OFFSET_FETCH_LOCAL), stamp);
  // A user may be running with that bias: RIPs found by another one would meet under the new stamp.
  equal(cpu.u32(OFFSET_USER_BIAS), bias);
});

test('address spaces have biases of their own', () => {
  const cache = new FetchCache(cpu, new MachineMemory(memory.buffer));
  cache.load(1, false);
  const bias = cpu.u32(OFFSET_USER_BIAS);
  cache.load(2, false);
  notEqual(cpu.u32(OFFSET_USER_BIAS), bias);
});
