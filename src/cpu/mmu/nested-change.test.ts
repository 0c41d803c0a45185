/** Nested paging may change what it said before while it is asked, and has the TLBs flushed then. */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
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
