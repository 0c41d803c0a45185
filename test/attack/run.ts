/** Runs an attack on an engine, and looks on. */
import { readStatusFlags, writeStatusFlags } from '../../src/cpu/emit/flags.ts';
import {
  ENGINE_RESERVED_BYTES,
  type EngineVcpu,
  EXIT_BUDGET,
  EXIT_HLT,
  EXIT_HYPERCALL,
  EXIT_SHUTDOWN,
  type Intercepts,
} from '../../src/cpu/engine.ts';
import * as state from '../../src/cpu/state.ts';
import type { InterpreterEngine } from '../../src/cpu/interpreter/engine.ts';
import { registersOf } from '../soak/machine-hash.ts';
import type { Attack, Attacker } from './attack.ts';
import { Domain } from './domain.ts';
import { Frames } from './frames.ts';
import { Guard, leakedRegister } from './guard.ts';
import { image } from './image.ts';
import * as place from './places.ts';
import { setUp } from './set-up.ts';

const MEMORY_BYTES = ENGINE_RESERVED_BYTES + 8 * 1024 * 1024;
/** No slice takes so long, however it is used: of thread time. */
const MOST_MS = 1000;
/** Exits without an instruction are no progress. */
const MOST_EXITS = 1000;
/** Slices between two looks at all memory. */
const LOOK_EVERY = 12;

/** Guest frames of page tables. */
const TABLES = new Set(
  [...Array(place.RAM_PAGES).keys()].filter((gfn) => {
    const at = gfn * 4096;
    const isNested = at >= place.NESTED_TABLES && at < place.NESTED_TABLES + 0x4000;
    return isNested || (at >= place.FIRST_TABLE && at < place.GDT + 4096);
  }),
);

/** An engine with its memory. */
export class Machine {
  readonly memory: WebAssembly.Memory;
  readonly engine: InterpreterEngine;
  readonly guard: Guard;

  constructor(make: (memory: WebAssembly.Memory) => InterpreterEngine) {
    const pages = MEMORY_BYTES / 65536;
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.engine = make(this.memory);
    this.guard = new Guard(this.memory);
  }
}

/** What a vCPU was like after each slice: lines to compare, and to show. */
export type Trace = readonly (readonly string[])[];

export interface Ran {
  readonly trace: Trace;
  /** What must never be, as a sentence. */
  readonly wrong: string | undefined;
}

export interface Manner {
  /** Budgets are exact, which is what makes runs comparable. */
  readonly isExact: boolean;
  /** Slices are cut into pieces of at most so many instructions. */
  readonly pieces?: () => number;
}

/** Runs it to its end, or to what must not be. */
export function runAttack(machine: Machine, attack: Attack, manner: Manner): Ran {
  const run = new Run(machine, attack, manner);
  try {
    return run.all();
  } finally {
    run.end();
  }
}

class Run {
  readonly #machine: Machine;
  readonly #attack: Attack;
  readonly #manner: Manner;
  readonly #frames: Frames;
  readonly #domains: readonly [Domain, Domain];
  readonly #vcpus: EngineVcpu[];
  readonly #trace: string[][] = [];
  #resets = 0;

  constructor(machine: Machine, attack: Attack, manner: Manner) {
    this.#machine = machine;
    this.#attack = attack;
    this.#manner = manner;
    this.#frames = new Frames(machine.memory, machine.engine);
    this.#domains = [this.#domain(0), this.#domain(1)];
    const [a, b] = this.#domains;
    a.other = b;
    b.other = a;
    this.#vcpus = attack.attackers.map((attacker) => this.#create(attacker));
  }

  all(): Ran {
    const { slices } = this.#attack;
    for (const [number, slice] of slices.entries()) {
      const wrong =
        this.#slice(number) ?? (number % LOOK_EVERY === 0 || number === slices.length - 1 ? this.#look() : undefined);
      if (wrong !== undefined)
        return { trace: this.#trace, wrong: `slice ${number} of vCPU ${slice.attacker}: ${wrong}` };
    }
    return { trace: this.#trace, wrong: undefined };
  }

  end(): void {
    for (const vcpu of this.#vcpus) this.#machine.engine.destroyVcpu(vcpu);
  }

  #slice(number: number): string | undefined {
    const { attacker: index, budget, event } = this.#attack.slices[number] as Attack['slices'][number];
    const attacker = this.#attack.attackers[index];
    const vcpu = this.#vcpus[index];
    if (attacker === undefined || vcpu === undefined) return undefined;
    this.#happens(event, vcpu, attacker, number);
    const exit = this.#execute(vcpu, attacker, budget);
    if (typeof exit === 'string') return exit;
    this.#trace.push([`vcpu ${index}`, `exit ${exit}`, ...registersOf(vcpu)]);
    const wrong = leakedRegister(vcpu) ?? this.#machine.guard.astray(this.#domains[attacker.domain]);
    if (exit === EXIT_SHUTDOWN) this.#replace(index, attacker);
    else if (exit === EXIT_HLT) this.#restart(vcpu, attacker, index);
    return wrong;
  }

  // Until the budget is used up, or what only its owner gets a vCPU out of.
  #execute(vcpu: EngineVcpu, attacker: Attacker, budget: number): number | string {
    const end = vcpu.instructions + budget;
    for (let exits = 0; ; exits++) {
      if (exits > MOST_EXITS + budget) return `${exits} exits and ${vcpu.instructions - end + budget} instructions`;
      const left = end - vcpu.instructions;
      if (left <= 0) return EXIT_BUDGET;
      const before = process.threadCpuUsage();
      const domain = this.#domains[attacker.domain];
      const { isLifted } = domain;
      const exit = vcpu.run(isLifted ? 1 : Math.min(left, this.#manner.pieces?.() ?? left));
      if (isLifted) domain.guardAgain();
      const used = process.threadCpuUsage(before);
      const ms = (used.user + used.system) / 1000;
      if (ms > MOST_MS && !this.#manner.isExact)
        return `${left} instructions took ${Math.round(ms)} ms at ${vcpu.state.rip.toString(16)}`;
      // It may be early: whoever changes his code all the time gives the thread back.
      if (exit === EXIT_BUDGET && !this.#manner.isExact && !isLifted) return exit;
      if (exit === EXIT_HLT || exit === EXIT_SHUTDOWN) return exit;
      if (exit !== EXIT_HYPERCALL) continue;
      const { state: registers } = vcpu;
      const result = domain.hypercall(registers.gprLo(state.RAX));
      registers.setGpr(state.RAX, BigInt.asUintN(64, BigInt(result)));
    }
  }

  /** What the hypervisor does between runs. */
  #happens(event: Attack['slices'][number]['event'], vcpu: EngineVcpu, { domain }: Attacker, number: number): void {
    switch (event) {
      case 'interrupt':
        if (vcpu.interruptible()) vcpu.injectInterrupt(0x20 + (number % 16));
        else vcpu.requestWindow();
        break;
      case 'nmi':
        vcpu.injectNmi();
        break;
      case 'fault':
        vcpu.injectException(number % 2 === 0 ? 13 : 6, number % 2 === 0 ? 0 : undefined);
        break;
      case 'flush':
        vcpu.flushTlb();
        break;
      case 'written':
        this.#write(this.#domains[domain], (place.CODE + (number % 40) * 16) >>> 0, number);
        break;
    }
  }

  #write(domain: Domain, gpa: number, byte: number): void {
    const machine = domain.machineAddress(Math.floor(gpa / 4096));
    if (machine === undefined) return;
    const at = machine + (gpa % 4096);
    new Uint8Array(this.#machine.memory.buffer)[at] = byte;
    this.#machine.engine.memoryWritten(at, 1);
  }

  #look(): string | undefined {
    for (const domain of this.#domains) {
      const sums: number[] = [];
      let leak: string | undefined;
      domain.forEachFrame((mfn) => {
        leak ??= this.#frames.leaked(mfn);
        sums.push(this.#sum(mfn));
      });
      if (leak !== undefined) return leak;
      this.#trace.push(sums.map((sum, index) => `frame ${index} ${sum.toString(16)}`));
    }
    return this.#frames.disturbed() ?? this.#machine.guard.trampled();
  }

  #sum(mfn: number): number {
    let sum = 0;
    for (const word of new Int32Array(this.#machine.memory.buffer, mfn * 4096, 1024))
      sum = Math.imul(sum ^ word, 0x9e3779b1) ^ (sum >>> 15);
    return sum >>> 0;
  }

  #domain(id: 0 | 1): Domain {
    const gfns = [...Array(place.RAM_PAGES).keys(), ...place.FAR_FRAMES];
    const domain = new Domain(this.#frames, gfns, this.#attack.isTidy ? TABLES : new Set());
    const attackers = this.#attack.attackers.filter((attacker) => attacker.domain === id);
    const bytes =
      attackers.length > 0 ? image(attackers, this.#attack.scattered) : new Uint8Array(place.RAM_PAGES * 4096);
    const view = new DataView(bytes.buffer);
    for (const patch of this.#attack.patches) if (patch.domain === id) view.setUint32(patch.address, patch.word, true);
    const memory = new Uint8Array(this.#machine.memory.buffer);
    for (const gfn of gfns) {
      const at = domain.machineAddress(gfn) as number;
      if (gfn < place.RAM_PAGES) memory.set(bytes.subarray(gfn * 4096, (gfn + 1) * 4096), at);
      else memory.fill(0, at, at + 4096);
    }
    this.#machine.engine.memoryWritten(ENGINE_RESERVED_BYTES, MEMORY_BYTES - ENGINE_RESERVED_BYTES);
    return domain;
  }

  #create(attacker: Attacker): EngineVcpu {
    const domain = this.#domains[attacker.domain];
    let vcpu: EngineVcpu | undefined;
    const platform = this.#platform(domain, () => vcpu as EngineVcpu);
    vcpu = this.#machine.engine.createVcpu(domain, platform, {
      read: (out) => {
        out.set([vcpu?.instructions ?? 0, 0]);
        return true;
      },
      ticksPerInstruction: 1,
    });
    vcpu.exactBudget = this.#manner.isExact;
    domain.vcpus.add(vcpu);
    const siblings = this.#attack.attackers.filter(({ domain: other }) => other === attacker.domain);
    setUp(vcpu, attacker, siblings.indexOf(attacker));
    return vcpu;
  }

  /** Another processor with the registers of the start. */
  #replace(index: number, attacker: Attacker): void {
    const domain = this.#domains[attacker.domain];
    const old = this.#vcpus[index] as EngineVcpu;
    domain.vcpus.delete(old);
    this.#machine.engine.destroyVcpu(old);
    this.#vcpus[index] = this.#create(attacker);
    this.#restoreCode(attacker);
  }

  /** It goes on from the start: with what it did to itself, or mostly without. */
  #restart(vcpu: EngineVcpu, attacker: Attacker, index: number): void {
    if (this.#resets++ % 3 !== 0) {
      this.#replace(index, attacker);
      return;
    }
    const siblings = this.#attack.attackers.filter(({ domain }) => domain === attacker.domain);
    vcpu.state.rip =
      attacker.alias + BigInt(place.CODE + siblings.indexOf(attacker) * place.CODE_SIZE + attacker.shift);
    writeStatusFlags(vcpu.state, readStatusFlags(vcpu.state));
  }

  // So that something goes on after what broke its own tables: the first pages are as they were.
  #restoreCode(attacker: Attacker): void {
    const siblings = this.#attack.attackers.filter(({ domain }) => domain === attacker.domain);
    const bytes = image(siblings, this.#attack.scattered);
    const memory = new Uint8Array(this.#machine.memory.buffer);
    const domain = this.#domains[attacker.domain];
    for (let gfn = 0; gfn < place.NESTED_TABLES >> 12; gfn++) {
      const at = domain.machineAddress(gfn);
      if (at === undefined) continue;
      memory.set(bytes.subarray(gfn * 4096, (gfn + 1) * 4096), at);
      this.#machine.engine.memoryWritten(at, 4096);
    }
  }

  // Answers that are a function of the question, and now and then a guest's memory changes, or it must leave.
  #platform(domain: Domain, vcpu: () => EngineVcpu): Intercepts {
    return {
      hasSvm: true,
      cpuid: (leaf, subleaf, out) => {
        out.set([leaf, subleaf, 0xffffffff, 0x12345678]);
        return leaf !== 13;
      },
      readMsr: (index, out) => {
        out.set([index, 1]);
        return (index & 1) === 0;
      },
      writeMsr: (index) => (index & 1) === 0,
      readPort: (port) => {
        if ((port & 15) === 3) vcpu().leave();
        return port * 0x10001;
      },
      writePort: (port, _size, value) => {
        if ((port & 3) === 1) this.#write(domain, place.CODE + (value & 0x3ff), value >>> 8);
      },
      readMmio: (gpa, size) => (gpa % 251) * size,
      writeMmio: (gpa, _size, value) => {
        if ((gpa & 0xff) === 8) this.#write(domain, place.DATA + (value & 0xfff), value);
        if ((gpa & 0xff) === 16) vcpu().leave();
      },
      accessRefused: (access) => {
        domain.accessRefused(access);
        if (domain.isLifted) vcpu().leave();
      },
      readTpr: () => 0,
      writeTpr: () => {},
    };
  }
}
