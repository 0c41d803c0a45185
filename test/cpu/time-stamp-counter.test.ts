/** What generated code makes of the time-stamp counter between two readings of its source (system/tsc.ts). */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { EXIT_BUDGET, EXIT_HLT, type Intercepts, type TscSource } from '../../src/cpu/engine.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import { OFFSET_TSC_OFFSET } from '../../src/cpu/state.ts';
import { CODE, DATA, TestProcessor } from '../../src/cpu/testing/processor.ts';
import { type EngineMaker, forEveryEngine } from './engines.ts';

const assembler = new Assembler(ALL_INSTRUCTIONS);
const START = 0xffff_ff00;
const LONG = 1_000_000;

/** Time of a test's making, which says what was asked and told. */
class Source implements TscSource {
  readonly ticksPerInstruction: number | undefined;
  now = START;
  asked = 0;
  mayCount = true;

  constructor(ticksPerInstruction?: number) {
    this.ticksPerInstruction = ticksPerInstruction;
  }

  read(out: Uint32Array): boolean {
    this.asked++;
    out[0] = this.now >>> 0;
    out[1] = this.now / 2 ** 32;
    return this.mayCount;
  }
  countedOn(ticks: number): void {
    this.now += ticks;
  }
}

class Guest extends TestProcessor {
  constructor(make: EngineMaker, source: TscSource, platform: Partial<Intercepts> = {}) {
    super(platform, make, source);
  }

  assemble(program: string): void {
    this.load(CODE, [...assembler.assemble(program, { origin: CODE, symbols: { DATA } }).bytes]);
    this.state.rip = BigInt(CODE);
  }
  execute(program: string): void {
    this.assemble(program);
    equal(this.continue(LONG), EXIT_HLT);
  }
  /** What was put down at DATA. */
  readings(count: number): number[] {
    return Array.from({ length: count }, (_, i) => Number(this.view.getBigUint64(DATA + 8 * i, true)));
  }
}

/** Reads the counter `count` times, with `between` in between. */
function readingsOf(count: number, between = ''): string {
  return `
    mov ebx, ${count}
    lea rdi, [DATA]
  again:
    rdtsc
    mov [rdi], eax
    mov [rdi+4], edx
    add rdi, 8
    ${between}
    dec ebx
    jnz again
    hlt`;
}

forEveryEngine(
  'most readings are made without asking; each is more than the last, and no more than time passed',
  (make) => {
    const source = new Source();
    using guest = new Guest(make, source);
    guest.execute(readingsOf(2000));
    const readings = guest.readings(2000);
    equal(readings[0], START);
    for (let i = 1; i < readings.length; i++) ok((readings[i] as number) > (readings[i - 1] as number), `reading ${i}`);
    // Less than three ticks for a turn of seven instructions.
    ok((readings[1999] as number) - START < 3 * 2000);
    ok(source.asked < 40, `asked ${source.asked} times`);
    ok(source.now >= (readings[1999] as number), 'whoever reads next is not told less');
  },
);

forEveryEngine('whoever waits for time to pass sees it pass, though nothing happens but the waiting', (make) => {
  const source = new Source();
  const read = source.read.bind(source);
  source.read = (out) => {
    source.now += 100_000;
    return read(out);
  };
  using guest = new Guest(make, source);
  guest.assemble(`
  again:
    rdtsc
    shl rdx, 32
    or rax, rdx
    cmp rax, [DATA]
    jb again
    hlt`);
  guest.view.setBigUint64(DATA, BigInt(START + 10_000_000), true);
  equal(guest.continue(LONG), EXIT_HLT);
  ok(source.asked <= 102, `asked ${source.asked} times`);
});

forEveryEngine('time that passes slowly to instructions is asked for after fewer of them', (make) => {
  const source = new Source();
  const read = source.read.bind(source);
  // A hundred ticks an instruction.
  let last = 0;
  source.read = (out) => {
    const executed = guest.vcpu.instructions;
    source.now += (executed - last) * 100;
    last = executed;
    return read(out);
  };
  using guest = new Guest(make, source);
  guest.execute(readingsOf(3000, 'nop\nnop\nnop'));
  const TURN = 900;
  const readings = guest.readings(3000);
  const start = readings[1000] as number;
  for (const [i, reading] of readings.entries()) {
    if (i > 1000) ok(start + (i - 1000) * TURN - reading < 25_000, `reading ${i}`);
  }
});

forEveryEngine(
  'what TypeScript does for a guest may tell it the time, or take long: the source is asked after it',
  (make) => {
    const source = new Source();
    const readPort = (): number => {
      source.now += 5000;
      return source.now >>> 0;
    };
    using guest = new Guest(make, source, { readPort });
    guest.execute(readingsOf(50, 'in al, 0x40'));
    const readings = guest.readings(50);
    for (const [i, reading] of readings.entries()) ok(reading >= START + 5000 * i, `reading ${i}`);
    ok(source.asked >= 50);
  },
);

forEveryEngine('what takes long by itself, a block of memory, is not taken for an instruction', (make) => {
  const block = `
    push rdi
    lea rdi, [DATA + 0x1000]
    mov ecx, 0x1000
    rep stosb
    pop rdi`;
  for (const [bytes, asked] of [
    [0x1000, 50],
    [0x20, 5],
  ] as const) {
    const source = new Source();
    using guest = new Guest(make, source);
    guest.execute(readingsOf(50, block.replace('ecx, 0x1000', `ecx, ${bytes}`)));
    ok(bytes === 0x1000 ? source.asked >= asked : source.asked <= asked, `${bytes} bytes: ${source.asked}`);
  }
});

forEveryEngine('a source that says so is asked each time', (make) => {
  const source = new Source();
  source.mayCount = false;
  using guest = new Guest(make, source);
  guest.execute(readingsOf(30));
  equal(source.asked, 30);
  deepEqual(guest.readings(30), Array(30).fill(START));
});

forEveryEngine('a counter of instructions is exact, wherever runs end and whoever asks', (make) => {
  const program = readingsOf(300, 'test bl, 7\njnz next\nin al, 0x40\nmov ecx, 0x1000\nrep lodsb\nnext:');
  let expected: number[] | undefined;
  for (const budget of [LONG, 1, 7, 1000]) {
    const source: Source = new Source(2);
    const counted: TscSource = {
      ticksPerInstruction: 2,
      read: (out) => {
        source.now = START + guest.vcpu.instructions * 2;
        return source.read(out);
      },
      countedOn: (ticks) => {
        source.now += ticks;
        equal(source.now, START + guest.vcpu.instructions * 2);
      },
    };
    using guest: Guest = new Guest(make, counted);
    guest.vcpu.exactBudget = true;
    guest.assemble(program);
    while (guest.continue(budget) === EXIT_BUDGET);
    const readings = guest.readings(300);
    expected ??= readings;
    deepEqual(readings, expected, `budgets of ${budget}`);
    equal(readings[0], START + 2 * 2);
    equal(readings[1], (readings[0] as number) + 2 * 8);
  }
});

forEveryEngine('a guest that writes its counter goes on from there, and RDTSCP and RDMSR agree with RDTSC', (make) => {
  const source = new Source();
  using guest = new Guest(make, source);
  guest.execute(`
    rdtsc
    mov ecx, 0x10
    mov eax, 5
    mov edx, 0x1000
    wrmsr
    rdtsc
    mov [DATA], eax
    mov [DATA+4], edx
    rdtscp
    mov [DATA+8], eax
    mov [DATA+12], edx
    mov ecx, 0x10
    rdmsr
    mov [DATA+16], eax
    mov [DATA+20], edx
    rdtsc
    mov [DATA+24], eax
    mov [DATA+28], edx
    hlt`);
  const readings = guest.readings(4);
  let last = 0x1000 * 2 ** 32 + 5;
  for (const reading of readings) {
    ok(reading >= last && reading < last + 100, `${reading.toString(16)} after ${last.toString(16)}`);
    last = reading;
  }
  ok(guest.state.u64(OFFSET_TSC_OFFSET) !== 0n);
});
