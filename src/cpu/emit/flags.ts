/**
 * The status flags, kept as two 64-bit words from which each flag is one or two operations away, whatever made them:
 *
 * result  sign-extended result of the last operation: ZF is `result == 0`
 * aux     bit 63      CF
 *         bit 62      CF xor OF
 *         bits 15:8   XORed into the low byte of result before its parity is PF
 *         bit 3       AF
 *         bit 0       XORed into the sign of result to give SF
 *
 * For an addition bits 63, 62 and 3 are carries out of the top, second and fourth bit, so that one expression
 * (the carry vector) yields CF, OF and AF together.
 */
import {
  FLAG_AC,
  FLAG_AF,
  FLAG_CF,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_OF,
  FLAG_PF,
  FLAG_RF,
  FLAG_SF,
  FLAG_TF,
  FLAG_VIF,
  FLAG_VIP,
  FLAG_VM,
  FLAG_ZF,
  OFFSET_FLAGS_AUX,
  OFFSET_FLAGS_RESULT,
  type VcpuState,
} from '../state.ts';

/** CF, CF^OF and AF: what a carry vector may leave in aux. */
export const AUX_CARRIES = 0xc000000000000008n;
/** A result that is not zero and has an even low byte and no sign. */
export const RESULT_NEUTRAL = 0x100n;
/** The flags that exist beside the six. */
export const RFLAGS_REST =
  FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF | FLAG_VM | FLAG_AC | FLAG_VIF | FLAG_VIP | FLAG_ID;
const RESULT_NEUTRAL_LO = Number(RESULT_NEUTRAL);

/** The six status flags, as RFLAGS holds them. */
export function readStatusFlags(state: VcpuState): number {
  const resultLo = state.u32(OFFSET_FLAGS_RESULT);
  const resultHi = state.u32(OFFSET_FLAGS_RESULT + 4);
  const auxLo = state.u32(OFFSET_FLAGS_AUX);
  const auxHi = state.u32(OFFSET_FLAGS_AUX + 4);
  const carry = auxHi >>> 31;
  const overflow = carry ^ ((auxHi >>> 30) & 1);
  const sign = (resultHi >>> 31) ^ (auxLo & 1);
  return (
    (carry ? FLAG_CF : 0) |
    (evenParity((resultLo ^ (auxLo >>> 8)) & 0xff) ? FLAG_PF : 0) |
    ((auxLo & 8) !== 0 ? FLAG_AF : 0) |
    ((resultLo | resultHi) === 0 ? FLAG_ZF : 0) |
    (sign ? FLAG_SF : 0) |
    (overflow ? FLAG_OF : 0)
  );
}

/** Sets the six status flags from their places in RFLAGS. */
export function writeStatusFlags(state: VcpuState, rflags: number): void {
  const carry = rflags & FLAG_CF ? 1 : 0;
  const overflow = rflags & FLAG_OF ? 1 : 0;
  state.setHalves(OFFSET_FLAGS_RESULT, rflags & FLAG_ZF ? 0 : RESULT_NEUTRAL_LO, 0);
  const auxLo = (rflags & FLAG_PF ? 0 : 0x100) | (rflags & FLAG_AF ? 8 : 0) | (rflags & FLAG_SF ? 1 : 0);
  state.setHalves(OFFSET_FLAGS_AUX, auxLo, (carry << 31) | ((carry ^ overflow) << 30));
}

function evenParity(byte: number): boolean {
  const folded = byte ^ (byte >>> 4);
  return ((0x9669 >>> (folded & 0xf)) & 1) !== 0;
}
