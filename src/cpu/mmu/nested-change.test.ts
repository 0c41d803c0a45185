/** Nested paging may change what it said before while it is asked, and has the TLBs flushed then. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { NESTED_SPACES } from '../emit/nested-layout.ts';
import { EXIT_HLT } from '../engine.ts';
import { RAX, RBX } from '../state.ts';
import { CODE, DATA, TestProcessor } from '../testing/processor.ts';

const FIRST = DATA / 4096;
const SECOND = FIRST + 1;
const ELSEWHERE = FIRST + 16;

/** Its second page of data gets memory when it is looked at, and the first page loses its own by that. */
class Reclaiming extends TestProcessor {
  #isPopulated = false;

  protected override lookup(gfn: number): number {
    if (gfn === SECOND && !this.#isPopulated) {
      this.#isPopulated = true;
      this.vcpu.flushTlb();
    }
    return super.lookup(gfn === FIRST && this.#isPopulated ? ELSEWHERE : gfn);
  }
}

test('a write to two pages finds the first where the look-up of the second has put it', () => {
  using processor = new Reclaiming();
  // mov dword [DATA + 8], 0; mov qword [DATA + 0xffc], -1; hlt
  const first = [0xc7, 0x04, 0x25, 0x08, 0x00, DATA / 65536, 0x00, 0, 0, 0, 0];
  const both = [0x48, 0xc7, 0x04, 0x25, 0xfc, 0x0f, DATA / 65536, 0x00, 0xff, 0xff, 0xff, 0xff];
  processor.run([...first, ...both, 0xf4], CODE);
  const word = (frame: number, at: number) => processor.view.getUint32(frame * 4096 + at, true);
  deepEqual([word(FIRST, 0xffc), word(ELSEWHERE, 0xffc), word(SECOND, 0)], [0, 0xffffffff, 0xffffffff]);
});

/** A frame of it may be taken away, or be another. */
class Changing extends TestProcessor {
  asked = 0;
  instead: number | undefined;

  protected override lookup(gfn: number): number {
    this.asked++;
    if (gfn !== FIRST) return super.lookup(gfn);
    return this.instead === undefined ? super.lookup(gfn) : this.instead === 0 ? 0 : super.lookup(this.instead);
  }

  /** Tells that FIRST is not where it was. */
  flushFirst(): void {
    this.vcpu.flushFrame(FIRST, Math.floor(super.lookup(FIRST) / 8));
  }
}

test('what leads to a frame that went is forgotten, for reads, writes and fetches; the rest stays', () => {
  using processor = new Changing();
  const address = (value: number) => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, 0];
  // mov eax, [DATA]; mov ebx, [DATA + 4096]; inc dword [DATA]; hlt
  const load = [0x8b, 0x04, 0x25, ...address(DATA), 0x8b, 0x1c, 0x25, ...address(DATA + 4096)];
  const code = [...load, 0xff, 0x04, 0x25, ...address(DATA), 0xf4];
  const read = (): [bigint, bigint] => {
    equal(processor.run(code, CODE), EXIT_HLT);
    return [processor.state.gpr(RAX), processor.state.gpr(RBX)];
  };
  processor.view.setUint32(DATA, 5, true);
  processor.view.setUint32(DATA + 4096, 6, true);
  processor.view.setUint32(ELSEWHERE * 4096, 7, true);
  deepEqual(read(), [5n, 6n]);
  const { asked } = processor;
  processor.instead = ELSEWHERE;
  processor.flushFirst();
  deepEqual(read(), [7n, 6n]);
  equal(processor.asked - asked <= 2, true, 'only the one frame was asked for again');
  equal(processor.view.getUint32(ELSEWHERE * 4096, true), 8);
  equal(processor.view.getUint32(DATA, true), 6, 'it was written once, before');

  // Code: mov eax, 1; hlt, and the same with 2.
  processor.instead = undefined;
  processor.vcpu.flushTlb();
  processor.load(DATA, [0xb8, 1, 0, 0, 0, 0xf4]);
  processor.load(ELSEWHERE * 4096, [0xb8, 2, 0, 0, 0, 0xf4]);
  const execute = (): bigint => {
    processor.state.rip = BigInt(DATA);
    equal(processor.continue(), EXIT_HLT);
    return processor.state.gpr(RAX);
  };
  equal(execute(), 1n);
  processor.instead = ELSEWHERE;
  processor.flushFirst();
  equal(execute(), 2n);
});

test('no processor takes what another was told, however often both forgot', () => {
  using first = new Changing();
  using second = new Changing();
  second.instead = ELSEWHERE;
  const words = new Uint32Array(first.memory.buffer);
  // mov eax, [DATA]; hlt
  const read = (processor: Changing): bigint => {
    processor.run([0x8b, 0x04, 0x25, 0, 0, DATA / 65536, 0, 0xf4], CODE);
    return processor.state.gpr(RAX);
  };
  first.view.setUint32(DATA, 1, true);
  first.view.setUint32(ELSEWHERE * 4096, 2, true);
  first.vcpu.flushTlb();
  const space = words[NESTED_SPACES / 4] as number;
  equal(read(first), 1n);
  // 2^30 spaces later numbers are given out again, and then the first one's own.
  for (const count of [space + 2 ** 30 - 1, space - 1]) {
    words[NESTED_SPACES / 4] = count;
    second.vcpu.flushTlb();
    deepEqual([read(second), read(first)], [2n, 1n]);
  }
});
