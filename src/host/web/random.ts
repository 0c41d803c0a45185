import type { Random } from '../../lib/ports.ts';

/** What one call may ask for (Web Cryptography API, getRandomValues). */
const MOST_BYTES = 65536;

export class WebRandom implements Random {
  fill(bytes: Uint8Array<ArrayBuffer>): void {
    for (let at = 0; at < bytes.length; at += MOST_BYTES) crypto.getRandomValues(bytes.subarray(at, at + MOST_BYTES));
  }
}
