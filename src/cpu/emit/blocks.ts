/**
 * Copying and filling blocks of machine memory, as functions of the generated module. Kernels use REP MOVSB and
 * REP STOSB for a few bytes as well as for pages, so short blocks do not pay for a call of the engine's memmove.
 */
import { Code } from './code.ts';
import type { ModuleBuilder } from './module.ts';
import * as op from './opcodes.ts';

const { TYPE_I32, TYPE_I64, TYPE_V128 } = op;

/** From how many bytes on the engine's own memmove and memset are faster than a loop. */
const LONG_BLOCK = 256;

const TO = 0;

/**
 * (to: i32, from: i32, bytes: i32): copies as if byte by byte upwards. `bytes` is not zero, and `to` is not inside
 * the `bytes` that start at `from`.
 */
export function emitCopyBlock(module: ModuleBuilder): number {
  const [FROM, BYTES, END, WIDE, TAIL] = [1, 2, 3, 4, 5];
  const index = module.declare([TYPE_I32, TYPE_I32, TYPE_I32], []);
  const code = new Code();
  ifAtLeast(code, BYTES, LONG_BLOCK, () => {
    for (const local of [TO, FROM, BYTES]) code.get(local);
    code.op(op.OP_MEMORY_COPY);
    code.byte(0);
    code.byte(0);
  });
  // The last 16 bytes are read first and written last, over what the loop may have written of them already.
  ifAtLeast(code, BYTES, 16, () => {
    end(code, FROM, BYTES, 16);
    code.memory(op.OP_V128_LOAD, 0);
    code.set(TAIL);
    end(code, TO, BYTES, 16);
    code.set(END);
    whileBelow(code, TO, END, () => {
      code.get(TO);
      code.get(FROM);
      code.memory(op.OP_V128_LOAD, 0);
      code.memory(op.OP_V128_STORE, 0);
      advance(code, TO, 16);
      advance(code, FROM, 16);
    });
    code.get(END);
    code.get(TAIL);
    code.memory(op.OP_V128_STORE, 0);
  });
  ifAtLeast(code, BYTES, 8, () => {
    copyEnds(code, op.OP_I64_LOAD, op.OP_I64_STORE, 8);
  });
  ifAtLeast(code, BYTES, 4, () => {
    copyEnds(code, op.OP_I64_LOAD32_U, op.OP_I64_STORE32, 4);
  });
  end(code, TO, BYTES, 0);
  code.set(END);
  whileBelow(code, TO, END, () => {
    code.get(TO);
    code.get(FROM);
    code.memory(op.OP_I32_LOAD8_U, 0);
    code.memory(op.OP_I32_STORE8, 0);
    advance(code, TO, 1);
    advance(code, FROM, 1);
  });
  const locals = [TYPE_I32, TYPE_I64, TYPE_V128].map((type) => ({ type, count: 1 }));
  module.define(index, locals, code);
  return index;

  // The first and the last `size` bytes, which may overlap.
  function copyEnds(to: Code, load: number, store: number, size: number): void {
    end(to, FROM, BYTES, size);
    to.memory(load, 0);
    to.set(WIDE);
    to.get(TO);
    to.get(FROM);
    to.memory(load, 0);
    to.memory(store, 0);
    end(to, TO, BYTES, size);
    to.get(WIDE);
    to.memory(store, 0);
  }
}

/** (to: i32, pattern: i64, bytes: i32): repeats the pattern of 1, 2, 4 or 8 bytes that fills the i64. */
export function emitFillBlock(module: ModuleBuilder): number {
  const [PATTERN, BYTES, END, WIDE] = [1, 2, 3, 4];
  const index = module.declare([TYPE_I32, TYPE_I64, TYPE_I32], []);
  const code = new Code();
  fillUniform(code, PATTERN, BYTES);
  ifAtLeast(code, BYTES, 16, () => {
    code.get(PATTERN);
    code.op(op.OP_I64X2_SPLAT);
    code.set(WIDE);
    end(code, TO, BYTES, 16);
    code.set(END);
    whileBelow(code, TO, END, () => {
      code.get(TO);
      code.get(WIDE);
      code.memory(op.OP_V128_STORE, 0);
      advance(code, TO, 16);
    });
    code.get(END);
    code.get(WIDE);
    code.memory(op.OP_V128_STORE, 0);
  });
  ifAtLeast(code, BYTES, 8, () => fillEnds(code, op.OP_I64_STORE, 8));
  ifAtLeast(code, BYTES, 4, () => fillEnds(code, op.OP_I64_STORE32, 4));
  end(code, TO, BYTES, 0);
  code.set(END);
  whileBelow(code, TO, END, () => {
    code.get(TO);
    code.get(PATTERN);
    code.memory(op.OP_I64_STORE8, 0);
    code.get(PATTERN);
    code.i64(8n);
    code.op(op.OP_I64_SHR_U);
    code.set(PATTERN);
    advance(code, TO, 1);
  });
  module.define(
    index,
    [TYPE_I32, TYPE_V128].map((type) => ({ type, count: 1 })),
    code,
  );
  return index;

  function fillEnds(to: Code, store: number, size: number): void {
    to.get(TO);
    to.get(PATTERN);
    to.memory(store, 0);
    end(to, TO, BYTES, size);
    to.get(PATTERN);
    to.memory(store, 0);
  }
}

// One byte over and over is a memset.
function fillUniform(to: Code, pattern: number, bytes: number): void {
  to.get(bytes);
  to.i32(LONG_BLOCK);
  to.op(op.OP_I32_GE_U);
  to.get(pattern);
  to.i64(8n);
  to.op(op.OP_I64_ROTL);
  to.get(pattern);
  to.op(op.OP_I64_EQ);
  to.op(op.OP_I32_AND);
  to.if();
  to.get(TO);
  to.get(pattern);
  to.op(op.OP_I32_WRAP_I64);
  to.get(bytes);
  to.op(op.OP_MEMORY_FILL);
  to.byte(0);
  to.byte(op.OP_RETURN);
  to.end();
}

// `then` and nothing after it, if there are that many bytes.
function ifAtLeast(code: Code, bytes: number, least: number, then: () => void): void {
  code.get(bytes);
  code.i32(least);
  code.op(op.OP_I32_GE_U);
  code.if();
  then();
  code.byte(op.OP_RETURN);
  code.end();
}

// Pushes base + bytes - size.
function end(code: Code, base: number, bytes: number, size: number): void {
  code.get(base);
  code.get(bytes);
  code.op(op.OP_I32_ADD);
  if (size === 0) return;
  code.i32(size);
  code.op(op.OP_I32_SUB);
}

function whileBelow(code: Code, at: number, limit: number, body: () => void): void {
  const done = code.block();
  const again = code.loop();
  code.get(at);
  code.get(limit);
  code.op(op.OP_I32_GE_U);
  code.brIf(done);
  body();
  code.br(again);
  code.end();
  code.end();
}

function advance(code: Code, local: number, by: number): void {
  code.get(local);
  code.i32(by);
  code.op(op.OP_I32_ADD);
  code.set(local);
}
