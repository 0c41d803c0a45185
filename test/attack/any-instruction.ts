/** Any instruction there is, with any operands, as bytes. */
import { NO_REGISTER } from '../../src/cpu/decode/decoder.ts';
import { type CodeWidth, encode } from '../../src/cpu/decode/encoder.ts';
import { parseEncoding } from '../../src/cpu/decode/encoding.ts';
import { operandSizes } from '../../src/cpu/decode/sizes.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import type { SeededRandom } from '../../src/lib/seeded-random.ts';
import { pick } from './pick.ts';

const FORMS = ALL_INSTRUCTIONS.flatMap((instruction) =>
  instruction.forms.map((form) => ({ instruction, form, encoding: parseEncoding(form) })),
);

/** A line for the assembler. */
export function anyInstruction(random: SeededRandom, width: CodeWidth): string {
  for (;;) {
    const row = pick(random, FORMS);
    const operandSize = pick(random, operandSizes(row, width));
    const addressSize = width !== 64 && random.below(4) === 0 ? (width === 32 ? 16 : 32) : width;
    const { place: kind } = row.form.operands.find(({ kind: { field } }) => field === 'rm')?.kind ?? {
      place: 'register',
    };
    const isMemory = kind === 'memory' || (kind === 'either' && random.below(3) !== 0);
    const rm = isMemory
      ? {
          base: addressSize === 16 ? 6 : pick(random, [0, 1, 2, 3, 6, 7]),
          index: NO_REGISTER,
          scale: 0,
          displacement: random.below(64),
        }
      : random.below(8);
    const fields = {
      ...{
        width,
        operandSize,
        addressSize,
        rm,
        reg: random.below(width === 64 ? 16 : 8),
        opcodeRegister: random.below(8),
      },
      ...{ immediate: BigInt(random.below(0x80)), immediate2: BigInt(random.below(8)), lock: random.below(20) === 0 },
      ...{
        repeat: pick(random, [0, 0, 0xf3, 0xf2]),
        override: random.below(8) === 0 ? random.below(6) : -1,
        rex: false,
      },
    };
    try {
      return `db ${[...encode(row.form, row.encoding, fields)].join(', ')} ; ${row.instruction.mnemonic} ${row.form.encoding}`;
    } catch {
      // Not in code of this width.
    }
  }
}
