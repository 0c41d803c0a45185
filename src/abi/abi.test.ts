import { deepEqual, equal, match } from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  type Abi,
  checkComplete,
  checkConstants,
  checkSetters,
  checkStructs,
  measure,
  readAbi,
  type StructClass,
  whyNot,
} from '../../tools/abi-check.ts';
import { getUint53, setUint53 } from './accessors.ts';

const abi = await readAbi();

suite("Xen 4.17's public headers, as the C compiler reads them", { skip: whyNot() ?? false }, () => {
  test('every constant has their value', () => {
    deepEqual(checkConstants(abi), []);
  });

  test('every struct and field has the size, offset and sign 64-bit code sees', () => {
    deepEqual(checkStructs(abi, 64), []);
  });

  test('Compat classes have those 32-bit code sees, and what has no Compat twin is the same for both', () => {
    deepEqual(checkStructs(abi, 32), []);
  });

  test('no byte that carries data is without a getter', () => {
    deepEqual(checkComplete(abi), []);
  });

  test('the comparison notices a wrong value, a wrong offset, a wrong name and a forgotten field', () => {
    const wrong: Abi = { ...abi, structs: [Wrong], constants: [{ name: 'DOMID_SELF', value: 1 }] };
    match(checkConstants(wrong).join(), /DOMID_SELF .*ours is 1, C's DOMID_SELF is 32752/);
    match(checkStructs(wrong, 64).join(), /Wrong.domid's offset .*ours is 6, .* is 0/);
    match(checkComplete(wrong).join(), /Wrong: no getter reads byte 0, 1, 2, 3/);
    match(checkStructs({ ...abi, structs: [Misnamed] }, 64).join(), /Misnamed.domain's offset.* no member named/);
  });
});

suite('the classes among themselves', () => {
  test('a setter writes its field and nothing else, and reads back', () => {
    deepEqual(
      abi.structs.flatMap((struct) => checkSetters(struct)),
      [],
    );
  });

  test("a Compat class has its twin's getters, but for registers that only one word size has", () => {
    const own = /CpuUserRegs$|VcpuGuestContext$/;
    for (const compat of abi.structs.filter(({ name }) => name.startsWith('Compat') && !own.test(name))) {
      const twin = abi.structs.find(({ name }) => `Compat${name}` === compat.name);
      if (twin === undefined) continue;
      const inCompat = new Set(measure(compat).map(({ name }) => name));
      const missing = measure(twin).filter(({ name }) => !inCompat.has(name));
      deepEqual(missing, [], compat.name);
    }
  });

  test('a struct reads the memory itself, through a view that starts anywhere in its buffer', () => {
    const memory = new Uint8Array(64);
    const sample = new Wrong(new DataView(memory.buffer, 8), 16);
    memory[8 + 16 + 6] = 7;
    equal(sample.domid, 7);
  });
});

suite('a uint64 as a number', () => {
  const memory = new DataView(new ArrayBuffer(8));

  test('keeps every value below 2^53', () => {
    for (const value of [0, 1, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER]) {
      setUint53(memory, 0, value);
      equal(getUint53(memory, 0), value);
      equal(memory.getBigUint64(0, true), BigInt(value));
    }
  });

  test('never makes a larger value look small', () => {
    for (const value of [2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n]) {
      memory.setBigUint64(0, value, true);
      equal(getUint53(memory, 0) >= 2 ** 53, true);
    }
  });
});

/** Not how struct xen_add_to_physmap is. */
class Wrong {
  static readonly C_NAME = 'struct xen_add_to_physmap';
  static readonly SIZE = 8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) {
    this.#memory = memory;
    this.#base = base;
  }
  get domid(): number {
    return this.#memory.getUint16(this.#base + 6, true);
  }
}

const Misnamed: StructClass = class Misnamed {
  static readonly C_NAME = 'struct xen_add_to_physmap';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) {
    this.#memory = memory;
    this.#base = base;
  }
  get domain(): number {
    return this.#memory.getUint16(this.#base, true);
  }
};
