import { deepEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { EEXIST, ENOMEM } from '../../abi/errno.ts';
import type { Domid } from '../../abi/xen.ts';
import { HypercallError } from '../../libs/call/call.ts';
import { withRandomDomid } from './random-domid.ts';

/** What comes is as it is here, then 5 for ever. */
function drawing(...numbers: number[]) {
  return {
    fill: (bytes: Uint8Array) => {
      const number = numbers.shift() ?? 5;
      bytes[0] = number & 0xff;
      bytes[1] = number >> 8;
    },
  };
}

test('a number that is no guest’s or is taken is drawn anew', () => {
  const asked: Domid[] = [];
  const create = (domid: Domid) => {
    asked.push(domid);
    if (domid === 9) throw new HypercallError('XEN_DOMCTL_createdomain', EEXIST);
    return domid;
  };
  // 0 is dom0's, from 0x7ff0 on they are reserved, and there are fifteen bits of them.
  withRandomDomid(drawing(0, 0x7ff0, 0x7fff, 0x8009, 0x7fef), create);
  deepEqual(asked, [9, 0x7fef]);
});

test('what Xen refuses otherwise is refused, and where all are taken it ends', () => {
  const refusing = (errno: number) => () => {
    throw new HypercallError('XEN_DOMCTL_createdomain', errno);
  };
  throws(() => withRandomDomid(drawing(), refusing(ENOMEM)), { errno: ENOMEM });
  throws(() => withRandomDomid(drawing(), refusing(EEXIST)), { errno: EEXIST });
});
