import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { XenolithError } from '../../../lib/errors.ts';
import { unbzip2 } from './bzip2.ts';
import { adler32, crc32, crc32Bzip2, crc64 } from './crc.ts';
import { unpackPayload } from './decompress.ts';
import { gunzip } from './gzip.ts';
import { unlz4Legacy } from './lz4.ts';
import { unlzop } from './lzo.ts';
import { unlzma } from './lzma.ts';
import * as packed from './testing/packed-samples.ts';
import { sample } from './testing/sample.ts';
import { unxz } from './xz.ts';
import { unzstd } from './zstd.ts';

type Unpack = (file: string, bytes: Uint8Array, guess: number) => Uint8Array | Promise<Uint8Array>;

interface Format {
  readonly vector: string;
  readonly unpack: Unpack;
  /** the command that packs standard input */
  readonly tool: readonly string[];
  /** whether damage always shows: the format has a check sum over the data */
  readonly checked: boolean;
}

const FORMATS: Readonly<Record<string, Format>> = {
  xz: { vector: packed.XZ, unpack: unxz, tool: ['xz', '-6', '-c'], checked: true },
  'xz with x86 filter': {
    vector: packed.XZ_X86,
    unpack: unxz,
    tool: ['xz', '--x86', '--lzma2=preset=6,lc=0,lp=2', '--check=crc32', '-c'],
    checked: true,
  },
  lzma: { vector: packed.LZMA, unpack: unlzma, tool: ['xz', '--format=lzma', '-c'], checked: false },
  gzip: { vector: packed.GZIP, unpack: gunzip, tool: ['gzip', '-c'], checked: true },
  bzip2: { vector: packed.BZIP2, unpack: unbzip2, tool: ['bzip2', '-c'], checked: true },
  'lz4 legacy': { vector: packed.LZ4, unpack: unlz4Legacy, tool: ['lz4', '-l', '-c'], checked: false },
  zstd: { vector: packed.ZSTD, unpack: unzstd, tool: ['zstd', '-c'], checked: false },
  lzo: { vector: packed.LZO, unpack: unlzop, tool: ['lzop', '-c'], checked: true },
};

const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));
const plain = sample(packed.SAMPLE_SIZE);

for (const [name, format] of Object.entries(FORMATS)) {
  describe(name, () => {
    test('unpacks what its tool packed', async () => {
      const unpacked = await format.unpack('vmlinuz', bytesOf(format.vector), plain.length);
      assert.deepEqual(Buffer.from(unpacked), Buffer.from(plain));
    });

    test('any flipped byte is told, or does no harm', async () => {
      const good = bytesOf(format.vector);
      for (let at = 0; at < good.length; at++) {
        const bad = good.slice();
        bad[at] = (bad[at] as number) ^ 0x55;
        const unpacked = await outcome(format.unpack, bad);
        if (unpacked === undefined || !format.checked) continue;
        assert.deepEqual(Buffer.from(unpacked), Buffer.from(plain), `byte ${at}`);
      }
    });

    test('any shorter file is told, or does no harm', async () => {
      const good = bytesOf(format.vector);
      for (let size = 0; size < good.length; size++) {
        const unpacked = await outcome(format.unpack, good.subarray(0, size));
        if (unpacked !== undefined) assert.ok(unpacked.length <= plain.length, `${size} bytes`);
      }
    });

    const missing = spawnSync(format.tool[0] as string, ['--version']).error !== undefined;
    test('unpacks 1 MB from its tool', { skip: missing && `no ${format.tool[0]} here` }, async () => {
      const large = sample(1_000_000);
      const [command, ...args] = format.tool;
      const file = execFileSync(command as string, args, { input: large, maxBuffer: 1 << 24, stdio: 'pipe' });
      const unpacked = await format.unpack('vmlinuz', new Uint8Array(file), large.length);
      assert.equal(Buffer.compare(Buffer.from(unpacked), Buffer.from(large)), 0);
    });
  });
}

/** What came out, or undefined for an error; another error than an operator's fails the test. */
async function outcome(unpack: Unpack, bytes: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    return await unpack('vmlinuz', bytes, plain.length);
  } catch (error) {
    assert.ok(error instanceof XenolithError, String(error));
    assert.match(error.message, /^vmlinuz: /);
    return undefined;
  }
}

describe('files that are several', () => {
  test('gzip members follow one another (RFC 1952, 2.2); what is not one is ignored', () => {
    const member = Buffer.from(packed.GZIP, 'base64');
    const unpacked = gunzip('vmlinuz', new Uint8Array(Buffer.concat([member, member, Buffer.from('rest')])));
    assert.deepEqual(Buffer.from(unpacked), Buffer.concat([plain, plain]));
  });

  test('xz streams follow one another, with padding (xz file format, 2.2)', () => {
    const stream = Buffer.from(packed.XZ, 'base64');
    const unpacked = unxz('vmlinuz', new Uint8Array(Buffer.concat([stream, Buffer.alloc(4), stream])), 0);
    assert.deepEqual(Buffer.from(unpacked), Buffer.concat([plain, plain]));
  });

  test('bzip2 streams and lz4 frames do too', () => {
    const bzip2 = Buffer.from(packed.BZIP2, 'base64');
    const lz4 = Buffer.from(packed.LZ4, 'base64');
    const both = Buffer.concat([plain, plain]);
    assert.deepEqual(Buffer.from(unbzip2('k', new Uint8Array(Buffer.concat([bzip2, bzip2])), 0)), both);
    assert.deepEqual(Buffer.from(unlz4Legacy('k', new Uint8Array(Buffer.concat([lz4, lz4])), 0)), both);
  });
});

describe('a payload', () => {
  const withSize = (vector: string, size = plain.length) => {
    const tail = Buffer.alloc(4);
    tail.writeUInt32LE(size);
    return new Uint8Array(Buffer.concat([Buffer.from(vector, 'base64'), tail]));
  };

  test('is told apart by its first bytes and unpacked without the size Linux appends', async () => {
    for (const [compression, vector] of Object.entries({ xz: packed.XZ_X86, lz4: packed.LZ4, zstd: packed.ZSTD })) {
      const result = await unpackPayload('vmlinuz', withSize(vector));
      assert.equal(result.compression, compression);
      assert.deepEqual(Buffer.from(result.bytes), Buffer.from(plain));
    }
    const gzip = await unpackPayload('vmlinuz', bytesOf(packed.GZIP));
    assert.deepEqual(Buffer.from(gzip.bytes), Buffer.from(plain));
  });

  test('that is of another size than promised is damaged', async () => {
    await assert.rejects(unpackPayload('vmlinuz', withSize(packed.XZ, 1999)), { code: 'KERNEL_CORRUPT' });
    await assert.rejects(unpackPayload('vmlinuz', withSize(packed.ZSTD, 1999)), { code: 'KERNEL_CORRUPT' });
  });

  test('packed otherwise is refused by name', async () => {
    await assert.rejects(unpackPayload('vmlinuz', withSize('3q2+7w==')), {
      code: 'KERNEL_COMPRESSION',
      message:
        'vmlinuz: its payload starts with de ad be ef, expected gzip, bzip2, lzma, xz, lzo, lz4, zstd or plain ELF',
    });
    await assert.rejects(unpackPayload('vmlinuz', withSize('BCJNGAAAAAA=')), {
      code: 'KERNEL_COMPRESSION',
      message: 'vmlinuz: an lz4 frame that is not the legacy one: pack it with lz4 -l',
    });
  });
});

test('an xz file with another filter is refused by its name', () => {
  assert.throws(() => unxz('vmlinuz', xzHeader(0x07), 0), { code: 'KERNEL_COMPRESSION', message: /the filter ARM:/ });
});

/** A stream header and a block header with one filter before LZMA2. */
function xzHeader(filter: number): Uint8Array {
  const block = [0x02, 0x01, filter, 0x00, 0x21, 0x01, 0x16, 0x00];
  const file = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 1, 0, 0, 0, 0, ...block, 0, 0, 0, 0]);
  file.writeUInt32LE(crc32(file, 6, 8), 8);
  file.writeUInt32LE(crc32(file, 12, 20), 20);
  return new Uint8Array(file);
}

test('the check sums of "123456789" are those of the catalogue of parametrised CRCs', () => {
  const digits = new TextEncoder().encode('123456789');
  assert.equal(crc32(digits), 0xcbf43926);
  assert.equal(crc64(digits), 0x995dc9bbdf1939fan);
  assert.equal(crc32Bzip2(digits, 0, 9), 0xfc891918);
  assert.equal(adler32(digits), 0x091e01de);
  assert.equal(crc32(digits, 4, 9, crc32(digits, 0, 4)), 0xcbf43926);
});
