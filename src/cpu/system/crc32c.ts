/** The check sum of the CRC32 instruction: polynomial 11EDC6F41H, bits reflected (SDM vol. 2A, CRC32). */
import { OFFSET_VECTOR_A, OFFSET_VECTOR_B, type VcpuState } from '../state.ts';

const POLYNOMIAL = 0x82f63b78;

/** TABLES[k * 256 + byte]: what a byte becomes after k more bytes. */
const TABLES = makeTables();

/** The check sum in A, after the low `bytes` bytes (1, 2, 4 or 8) of B. */
export function crc32c(cpu: VcpuState, bytes: number): number {
  let crc = cpu.u32(OFFSET_VECTOR_A);
  if (bytes < 4) {
    for (let i = 0; i < bytes; i++) crc = step(crc, cpu.view.getUint8(OFFSET_VECTOR_B + i));
    return crc >>> 0;
  }
  for (let i = 0; i < bytes; i += 4) crc = fourBytes(crc ^ cpu.u32(OFFSET_VECTOR_B + i));
  return crc >>> 0;
}

function step(crc: number, byte: number): number {
  return (crc >>> 8) ^ (TABLES[(crc ^ byte) & 0xff] as number);
}

function fourBytes(word: number): number {
  return (
    (TABLES[768 + (word & 0xff)] as number) ^
    (TABLES[512 + ((word >>> 8) & 0xff)] as number) ^
    (TABLES[256 + ((word >>> 16) & 0xff)] as number) ^
    (TABLES[word >>> 24] as number)
  );
}

function makeTables(): Int32Array {
  const tables = new Int32Array(4 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : POLYNOMIAL);
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256] as number;
    tables[i] = (before >>> 8) ^ (tables[before & 0xff] as number);
  }
  return tables;
}
