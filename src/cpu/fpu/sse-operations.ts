/** The numbers by which generated code names an SSE operation to the slow path. */

export const SSE_ADD = 0x00;
export const SSE_SUB = 0x01;
export const SSE_MUL = 0x02;
export const SSE_DIV = 0x03;
/** SQRTSS and its kin have one operand: `b`, the source. */
export const SSE_SQRT = 0x04;
export const SSE_MIN = 0x05;
export const SSE_MAX = 0x06;
/** The predicate (imm8 & 7) goes into bits 8 and up: SSE_CMP | (imm8 & 7) << 8. Result: all ones or zero. */
export const SSE_CMP = 0x07;
/** Result: ZF, PF and CF at their places in EFLAGS, OF, SF and AF being zero. */
export const SSE_UCOMI = 0x08;
export const SSE_COMI = 0x09;
/** One operand: `b`. SSE_ROUND | imm8 << 8. */
export const SSE_ROUND = 0x0a;
/** Packed only: even elements subtract, odd ones add. */
export const SSE_ADDSUB = 0x0b;

// Conversions have one operand: `b`. SSE_DOUBLE tells the floating-point side; for SSE_CVT_FLOAT, the source.
/** CVTSS2SD, CVTPS2PD; with SSE_DOUBLE CVTSD2SS, CVTPD2PS. */
export const SSE_CVT_FLOAT = 0x10;
/** CVTSI2SS/SD r32, CVTDQ2PS/PD, CVTPI2PS/PD. */
export const SSE_CVT_SI32_TO = 0x11;
/** CVTSI2SS/SD r64. */
export const SSE_CVT_SI64_TO = 0x12;
/** CVTSS2SI/CVTSD2SI r32, CVTPS2DQ, CVTPD2DQ, CVTPS2PI, CVTPD2PI. */
export const SSE_CVT_TO_SI32 = 0x13;
/** CVTSS2SI/CVTSD2SI r64. */
export const SSE_CVT_TO_SI64 = 0x14;
/** The same, truncating. */
export const SSE_CVTT_TO_SI32 = 0x15;
export const SSE_CVTT_TO_SI64 = 0x16;

/** Added to an operation: on f64 instead of f32. */
export const SSE_DOUBLE = 0x20;
