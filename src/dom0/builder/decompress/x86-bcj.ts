/**
 * Undoes xz's x86 filter in place: CALL and JMP operands, stored as absolute targets because those repeat, become
 * relative again (xz file format 1.1, 5.3.2; the rule which E8/E9 bytes count is its reference code's, and a format of
 * its own).
 *
 * @param bytes a whole block: the filter's position counts from its first byte
 */
export function undoX86Filter(bytes: Uint8Array): void {
  // Bit n set: the byte n + 1 before the current opcode looked like an opcode too, so its operand overlaps ours.
  let recent = 0;
  let lastOpcode = -1;
  const last = bytes.length - 5;
  for (let at = 0; at <= last; at++) {
    if (((bytes[at] as number) & 0xfe) !== 0xe8) continue;
    const gap = at - lastOpcode;
    lastOpcode = at;
    recent = gap > 3 ? 0 : (recent << (gap - 1)) & 7;
    if (recent !== 0) {
      // The top byte of the operand that overlaps decides whether that one was converted.
      const overlapping = bytes[at + 4 - (OVERLAP_BYTE[recent] as number)] as number;
      if (!ALLOWED[recent] || isSignByte(overlapping)) {
        recent = (recent << 1) | 1;
        continue;
      }
    }
    if (!isSignByte(bytes[at + 4] as number)) {
      recent = (recent << 1) | 1;
      continue;
    }
    writeOperand(bytes, at + 1, relative(readOperand(bytes, at + 1), at + 5, recent));
    at += 4;
  }
}

const ALLOWED = [true, true, true, false, true, false, false, false];
const OVERLAP_BYTE = [0, 1, 2, 2, 3, 3, 3, 3];

/** Only operands within 16 MiB either way were converted: their top byte is all sign. */
function isSignByte(byte: number): boolean {
  return byte === 0x00 || byte === 0xff;
}

function relative(absolute: number, next: number, recent: number): number {
  let value = absolute;
  for (;;) {
    const result = (value - next) | 0;
    if (recent === 0) return signExtend25(result);
    const bit = (OVERLAP_BYTE[recent] as number) * 8;
    if (!isSignByte((result >>> (24 - bit)) & 0xff)) return signExtend25(result);
    value = result ^ ((1 << (32 - bit)) - 1);
  }
}

function signExtend25(value: number): number {
  return (value << 7) >> 7;
}

function readOperand(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

function writeOperand(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
