/**
 * A predecoded instruction: 16 bytes in machine memory that a handler reads its operands from.
 *
 *  0  u16  handler
 *  2  u16  offset of the instruction in its page (bits 11:0) and its length (bits 15:12)
 *  4  u8   first register operand: byte offset of its slot in the register file
 *  5  u8   second register operand
 *  6  u8   address: base   (by shape, see below)
 *  7  u8   address: index
 *  8  i32  displacement; branches: target relative to the page; far pointers: selector
 * 12  i32  immediate; branches: the record of the target once it is linked, else 0; indirect calls: where regions last saw
 *           it go, relative to the page, 0 where they have not
 *
 * A direct branch has no registers: bytes 4 to 7 count how often it was taken once it was linked.
 * A 64-bit immediate and a 64-bit moffs take bytes 8 to 15.
 */
export const RECORD_SIZE = 16;
export const RECORD_HANDLER = 0;
export const RECORD_PLACE = 2;
export const RECORD_REGISTER_A = 4;
export const RECORD_REGISTER_B = 5;
export const RECORD_BASE = 6;
export const RECORD_INDEX = 7;
export const RECORD_DISPLACEMENT = 8;
export const RECORD_IMMEDIATE = 12;
export const RECORD_LINK = 12;
export const RECORD_SEEN = 12;
export const RECORD_TAKEN = 4;
/** Of HANDLER_REGION, u32: not 0 where the interpreter goes on without the region, which others go on in. */
export const RECORD_CHAINED = 4;

/** What handlers that are not instructions do. Their numbers come first. */
/** The code of this record is gone, or a run ends here: look up the RIP of this record again. */
export const HANDLER_LEAVE = 0;
/** The run goes on at the record in RECORD_LINK, whose instruction is at RECORD_DISPLACEMENT in the page or past its end. */
export const HANDLER_GOTO = 1;
/** A run ends: look up the RIP at RECORD_DISPLACEMENT in the page. */
export const HANDLER_END = 2;
/** As HANDLER_END, and leave `run`: single step. */
export const HANDLER_STOP = 3;
/** Raises the exception whose number is in RECORD_IMMEDIATE: #UD, #NM, #GP for an overlong instruction. */
export const HANDLER_RAISE = 4;
/**
 * A region is entered here: its place in the table of regions in RECORD_IMMEDIATE. The record that was here, and a
 * HANDLER_GOTO to the next one, are at RECORD_DISPLACEMENT.
 */
export const HANDLER_REGION = 5;
export const PSEUDO_HANDLERS = 6;

/** How a memory operand's address is formed; the fast shapes are 64-bit flat. */
export const SHAPE_REGISTER = 0;
/** Anything. Base: register 0-15, 16 none, 17 RIP, 18 none and a 64-bit displacement, in bits 4:0, segment in bits 7:5
 * (7: none). Index: register or 16 in bits 7:3, bit 2 the shorter address size of the mode, bits 1:0 the scale. */
export const SHAPE_ANY = 1;
/** [base + displacement]: base is a slot offset. */
export const SHAPE_BASE = 2;
/** [base + index * scale + displacement]: slot offsets, the scale in the index's low bits. */
export const SHAPE_INDEX = 3;
/** [RIP + displacement]: the displacement is relative to the page. */
export const SHAPE_RIP = 4;
export const SHAPES = 5;

export const ANY_NO_REGISTER = 16;
/** As an index: OFFSET_IMPLICIT_INDEX. */
export const ANY_IMPLICIT_INDEX = 17;
export const ANY_RIP = 17;
/** As a base: all of a moffs64. */
export const ANY_WIDE_OFFSET = 18;
export const ANY_NO_SEGMENT = 7;
export const ANY_SHORT_ADDRESS = 4;
