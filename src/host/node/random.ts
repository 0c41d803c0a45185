import { randomFillSync } from 'node:crypto';
import type { Random } from '../../lib/ports.ts';

export class NodeRandom implements Random {
  fill(bytes: Uint8Array): void {
    randomFillSync(bytes);
  }
}
