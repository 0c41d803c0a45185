import { EEXIST } from '../../abi/errno.ts';
import { domid as asDomid, type Domid, DOMID_FIRST_RESERVED } from '../../abi/xen.ts';
import { HypercallError } from '../../libs/call/call.ts';
import type { Random } from '../../lib/ports.ts';

/** Far more than it takes until nearly all numbers are given out. */
const TRIES = 1000;

/**
 * Calls `create` with random domids until one is free (domid_policy of xl.conf(5)): a number that was somebody's a while
 * ago is unlikely to be another's soon.
 *
 * @throws HypercallError as `create` does, EEXIST where hardly any number is free
 */
export function withRandomDomid(random: Random, create: (domid: Domid) => Domid): Domid {
  for (let tries = 1; ; tries++) {
    try {
      return create(randomDomid(random));
    } catch (error) {
      if (!(error instanceof HypercallError) || error.errno !== EEXIST || tries === TRIES) throw error;
    }
  }
}

/** From 1 to the last that is no reserved one, all as likely. */
function randomDomid(random: Random): Domid {
  const bytes = new Uint8Array(2);
  for (;;) {
    random.fill(bytes);
    const number = (((bytes[1] ?? 0) << 8) | (bytes[0] ?? 0)) & 0x7fff;
    if (number > 0 && number < DOMID_FIRST_RESERVED) return asDomid(number);
  }
}
