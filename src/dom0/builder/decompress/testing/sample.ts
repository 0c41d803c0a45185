/**
 * Bytes that exercise a decompressor like a kernel does: words that repeat, zero runs, x86 calls to few targets, and
 * stretches nothing can pack. The same for the same length, always.
 */
export function sample(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let seed = 12345;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >>> 8) % below;
  };
  const words = ['event', 'channel', 'grant', 'table', 'domain', 'hypercall', ' ', '\n', 'xenstore'];
  let at = 0;
  const put = (byte: number) => {
    if (at < length) bytes[at++] = byte;
  };
  while (at < length) {
    const kind = random(16);
    if (kind < 9) {
      for (const c of words[kind] as string) put(c.charCodeAt(0));
    } else if (kind < 12) {
      // CALL rel32 to one of eight functions: equal once it is absolute, which is what the x86 filter is for.
      const target = 0x400 * random(8) - (at + 5);
      put(0xe8);
      for (let i = 0; i < 4; i++) put(target >> (8 * i));
    } else if (kind < 14) {
      for (let i = random(90); i > 0; i--) put(0);
    } else if (kind === 14) {
      for (let i = 0; i < 3; i++) put(0xe8 + random(2));
    } else {
      for (let i = random(12); i > 0; i--) put(random(256));
    }
  }
  return bytes;
}
