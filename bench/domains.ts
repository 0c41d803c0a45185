import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SYMBOLS } from '../guests/hello/symbols.ts';
import { pvhElf } from '../guests/lib/elf.ts';
import { START64, START64_PAGES } from '../guests/lib/start64.ts';
import { XEN_SCHEDULER_CREDIT2 } from '../src/abi/domctl-sched.ts';
import type { Domid } from '../src/abi/xen.ts';
import { Assembler } from '../src/cpu/decode/assembler.ts';
import type { Engine, EngineVcpu, Exit, Intercepts, NestedPaging, TscSource } from '../src/cpu/engine.ts';
import { ALL_INSTRUCTIONS } from '../src/cpu/instructions/all.ts';
import { InterpreterEngine } from '../src/cpu/interpreter/engine.ts';
import type { DomainConfig } from '../src/dom0/toolstack/domain-config.ts';
import { createDomain } from '../src/dom0/toolstack/domain-create.ts';
import { destroyDomain } from '../src/dom0/toolstack/domain-destroy.ts';
import { planDomain } from '../src/dom0/toolstack/domain-plan.ts';
import { NodeClock } from '../src/host/node/clock.ts';
import { defer, keepAlive } from '../src/host/node/event-loop.ts';
import { availableMemoryKib } from '../src/host/node/memory.ts';
import { NodeRandom } from '../src/host/node/random.ts';
import { ForwardingVcpu } from '../src/machine/forwarding-vcpu.ts';
import { ensureGuest } from '../src/machine/guests/ensure-guest.ts';
import { MARKER } from '../src/machine/guests/initramfs.ts';
import { type Machine, startMachine } from '../src/machine/machine.ts';
import { median, table } from './statistics.ts';

/** What domains cost a machine: many that sleep, short lives, and shares of those that compute. */
export interface DomainFigures {
  /** Linux domains at their prompts, all at once. */
  readonly idleDomains: number;
  /** of a core, in per cent */
  readonly idleShare: number;
  /** Resident memory of the process with all of them. */
  readonly idleMiB: number;
  /** From the first one's creation to the last one's prompt: by the clock, and of processor time. */
  readonly bootAllSeconds: number;
  readonly bootAllProcessorSeconds: number;
  /** From a kernel's file to its first instruction, median, in milliseconds. */
  readonly firstInstructionMs: number;
  /** What cycles of create, run and destroy left behind. */
  readonly cycles: number;
  readonly framesLost: number;
  readonly portsLost: number;
  readonly heapKibACycle: number;
  /** How far the busy domain furthest from its weight's share was from it, in per cent of that. */
  readonly shareError: number;
}

const LINUX_DOMAINS = 40;
const LINUX_MIB = 64;
/** Debian's cloud kernel does not start in less: it gives the rest back once it is up. */
const LINUX_START_MIB = 80;
/** As many boot at a time: one who stands still is noticed while few others hide it. */
const AT_ONCE = 4;
const BOOT_TIMEOUT_MS = 300_000;
const BALLOON_TIMEOUT_MS = 120_000;
/** Linux stops giving back where it would be short of memory itself. */
const BALLOON_SLACK_MIB = 4;
const SETTLE_MS = 8_000;
const WATCH_MS = 30_000;

const SMALL_MIB = 4;
const CYCLES = 100;
/** Until compilers and caches have what they want. */
const WARM_UP_CYCLES = 60;

const WEIGHTS = [128, 256, 512];
const SHARES_MS = 10_000;

export async function domains(): Promise<DomainFigures> {
  return { ...(await busyDomains()), ...(await shortLives()), ...(await idleDomains()) };
}

/** Small kernels that spin, for their shares of the processor. */
export const busyDomains = () => withMachine(WEIGHTS.length * SMALL_MIB, shares);
/** Small kernels that power off at once, one after the other. */
export const shortLives = () => withMachine(2 * SMALL_MIB, lives);
/** Linux at its prompt, many times at once. */
export const idleDomains = () => withMachine(LINUX_DOMAINS * (LINUX_START_MIB + 1), sleepers);

export function domainTable(figures: DomainFigures): string {
  const lost = `${figures.framesLost} frames, ${figures.portsLost} ports, ${figures.heapKibACycle.toFixed(1)} KiB a cycle`;
  return table(
    ['domains', 'xenolith', 'asked'],
    [
      [
        `${figures.idleDomains} idle Linux domains of ${LINUX_MIB} MiB, share of a core`,
        `${figures.idleShare.toFixed(1)} %`,
        'under 10 %',
      ],
      [
        'created, booted to their prompts, four at a time',
        `${figures.bootAllSeconds.toFixed(0)} s (${figures.bootAllProcessorSeconds.toFixed(0)} s of processor time)`,
        '',
      ],
      ['memory of all of them, resident', `${figures.idleMiB.toFixed(0)} MiB`, ''],
      ['kernel file to first instruction, median', `${figures.firstInstructionMs.toFixed(2)} ms`, 'under 10 ms'],
      [`lost in ${figures.cycles} lives`, lost, 'nothing'],
      ['busy domains, furthest from its share', `${figures.shareError.toFixed(1)} %`, 'under 5 %'],
    ],
  );
}

// Many that sleep

async function sleepers(machine: Machine) {
  const guest = await ensureGuest('debian');
  const files = { kernel: readFileSync(guest.kernel), ramdisk: readFileSync(guest.ramdisk) };
  const config = configOf('idle', LINUX_START_MIB, guest.kernel, guest.ramdisk);
  const plan = await planDomain(config, files);
  let ready: Promise<void>[] = [];
  const domids: Domid[] = [];
  const boot = stopwatch();
  for (let index = 0; index < LINUX_DOMAINS; index++) {
    const uuid = new Uint8Array(16).fill(index + 1);
    const { domid } = await createDomain(machine, { ...config, uuid, name: `idle${index}` }, plan);
    ready.push(prompt(machine, domid));
    domids.push(domid);
    machine.ctrl.domain_unpause(domid);
    if (ready.length < AT_ONCE && index < LINUX_DOMAINS - 1) continue;
    const late = setTimeout(BOOT_TIMEOUT_MS, true, { ref: false });
    if ((await Promise.race([Promise.all(ready), late])) === true) throw new Error(`no shell by domain ${domid}`);
    ready = [];
  }
  const booted = boot();
  for (const domid of domids) {
    const path = `/local/domain/${domid}/memory/target`;
    await machine.store.replace([], [{ path, value: String(LINUX_MIB * 1024) }]);
  }
  const end = performance.now() + BALLOON_TIMEOUT_MS;
  const mibOf = (domid: Domid) => (machine.ctrl.domain_getinfo(domid)?.tot_pages ?? 0) / 256;
  while (domids.some((domid) => mibOf(domid) > LINUX_MIB + BALLOON_SLACK_MIB)) {
    if (performance.now() > end) throw new Error(`domains of ${domids.map(mibOf)} MiB, ${LINUX_MIB} were asked for`);
    await setTimeout(1000);
  }
  await setTimeout(SETTLE_MS);
  const watch = stopwatch();
  await setTimeout(WATCH_MS);
  const idle = watch();
  return {
    idleDomains: domids.length,
    idleShare: (100 * idle.processorSeconds) / idle.seconds,
    idleMiB: process.memoryUsage.rss() / 2 ** 20,
    bootAllSeconds: booted.seconds,
    bootAllProcessorSeconds: booted.processorSeconds,
  };
}

/** From now on: by the clock, and what this process has had of processors. */
function stopwatch(): () => { readonly seconds: number; readonly processorSeconds: number } {
  const start = performance.now();
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return { seconds: (performance.now() - start) / 1000, processorSeconds: (user + system) / 1e6 };
  };
}

/** Resolves when the domain's /init has come to its shell. */
function prompt(machine: Machine, domid: Domid): Promise<void> {
  let text = '';
  return new Promise((resolve) => {
    machine.console(domid).onOutput((bytes) => {
      text = (text + Buffer.from(bytes).toString('latin1')).slice(-4096);
      if (text.includes(MARKER)) resolve();
    });
  });
}

// Short lives

const POWERS_OFF = `
main:
  mov edi, SCHEDOP_shutdown
  mov rsi, reason
  mov eax, HYPERVISOR_sched_op
  call hypercall
align 4
reason:
  dd SHUTDOWN_poweroff
`;

async function lives(machine: Machine, engine: WatchedEngine) {
  const kernel = kernelOf(POWERS_OFF);
  const config = configOf('short', SMALL_MIB, 'powers-off', undefined);
  const times: number[] = [];
  const live = async () => {
    const startMs = performance.now();
    const plan = await planDomain(config, { kernel, ramdisk: undefined });
    const { domid } = await createDomain(machine, config, plan);
    engine.firstRunMs = 0;
    machine.ctrl.domain_unpause(domid);
    while (machine.ctrl.domain_getinfo(domid)?.shutdown !== true) await setTimeout(1);
    times.push(engine.firstRunMs - startMs);
    await destroyDomain(machine, domid, config.uuid);
  };
  for (let cycle = 0; cycle < WARM_UP_CYCLES; cycle++) await live();
  const before = await stock(machine);
  times.length = 0;
  for (let cycle = 0; cycle < CYCLES; cycle++) await live();
  const after = await stock(machine);
  return {
    firstInstructionMs: median(times),
    cycles: CYCLES,
    framesLost: before.frames - after.frames,
    // The port that taking stock opens stays.
    portsLost: after.port - before.port - 1,
    heapKibACycle: (after.heap - before.heap) / 1024 / CYCLES,
  };
}

/** Free frames, the lowest port that is free in dom0, and the objects of the heap, in bytes: V8's code is V8's affair. */
async function stock({ ctrl }: Machine) {
  // dom0's daemons let go of what was the last domain's.
  await setTimeout(100);
  const dom0 = 0 as Domid;
  const port = ctrl.evtchn_alloc_unbound(dom0, dom0);
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let pass = 0; pass < 3; pass++) collect();
  const objects = getHeapSpaceStatistics().filter(({ space_name: name }) => !/code|trusted/.test(name));
  const heap = objects.reduce((sum, { space_used_size: bytes }) => sum + bytes, 0);
  return { frames: ctrl.physinfo().free_pages, port, heap };
}

// Those that compute

const SPINS = `
main:
  add rax, 1
  jmp main
`;

async function shares(machine: Machine) {
  const config = configOf('busy', SMALL_MIB, 'spins', undefined);
  const plan = await planDomain(config, { kernel: kernelOf(SPINS), ramdisk: undefined });
  const domids: Domid[] = [];
  for (const [index, weight] of WEIGHTS.entries()) {
    const own = { ...config, name: `busy${index}`, uuid: new Uint8Array(16).fill(index + 1) };
    const { domid } = await createDomain(machine, own, plan);
    machine.sched.credit_set(domid, XEN_SCHEDULER_CREDIT2, { weight, cap: 0 });
    machine.ctrl.domain_unpause(domid);
    domids.push(domid);
  }
  const spent = () => domids.map((domid) => Number(machine.ctrl.domain_getinfo(domid)?.cpu_time ?? 0n));
  const before = spent();
  await setTimeout(SHARES_MS);
  const got = spent().map((ns, index) => ns - (before[index] as number));
  const all = got.reduce((a, b) => a + b);
  const weights = WEIGHTS.reduce((a, b) => a + b);
  const errors = got.map((ns, index) => Math.abs(ns / all / ((WEIGHTS[index] as number) / weights) - 1));
  return { shareError: 100 * Math.max(...errors) };
}

// Around all of them

async function withMachine<T>(
  guestMiB: number,
  measure: (machine: Machine, engine: WatchedEngine) => Promise<T>,
): Promise<T> {
  const engines: WatchedEngine[] = [];
  const machine = await startMachine(
    {
      clock: new NodeClock(),
      random: new NodeRandom(),
      defer,
      availableMemoryKib,
      log: () => {},
      alarm: console.error,
      trace: () => {},
      holdInput: () => {},
    },
    {
      guestMemoryKib: (guestMiB + SMALL_MIB) * 1024,
      trace: [],
      observed: false,
      processor: (memory) => {
        const engine = new WatchedEngine(new InterpreterEngine(memory));
        engines.push(engine);
        return engine;
      },
    },
  );
  const letGo = keepAlive();
  try {
    return await measure(machine, engines[0] as WatchedEngine);
  } finally {
    letGo();
    await machine.stop();
  }
}

function configOf(name: string, memoryMiB: number, kernel: string, ramdisk: string | undefined): DomainConfig {
  return {
    name,
    uuid: new Uint8Array(16).fill(1),
    kernel,
    ramdisk,
    cmdline: 'console=hvc0 quiet',
    memoryKib: memoryMiB * 1024,
    maxMemoryKib: memoryMiB * 1024,
    vcpus: 1,
    maxVcpus: 1,
    maxEventChannels: 1023,
    maxGrantFrames: 32,
    maxMaptrackFrames: 32,
    maxGrantVersion: 1,
    suspendEventChannelCompat: false,
    onPoweroff: 'destroy',
    onReboot: 'destroy',
    onWatchdog: 'destroy',
    onCrash: 'destroy',
    onSoftReset: 'destroy',
  };
}

function kernelOf(main: string): Uint8Array {
  const address = 0x100000;
  const { bytes, symbols } = new Assembler(ALL_INSTRUCTIONS).assemble([START64, main, START64_PAGES].join('\n'), {
    origin: address,
    width: 32,
    symbols: SYMBOLS,
  });
  return pvhElf(bytes, address, Number(symbols.get('entry')));
}

/** An engine that notes when a vCPU executes for the first time. */
class WatchedEngine implements Engine {
  readonly #engine: Engine;
  /** performance.now() of the last vCPU's first run. */
  firstRunMs = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  createVcpu(nested: NestedPaging, intercepts: Intercepts, tsc: TscSource): EngineVcpu {
    return new WatchedVcpu(this.#engine.createVcpu(nested, intercepts, tsc), this);
  }

  destroyVcpu(vcpu: EngineVcpu): void {
    this.#engine.destroyVcpu((vcpu as WatchedVcpu).inner);
  }

  memoryWritten(address: number, length: number): void {
    this.#engine.memoryWritten(address, length);
  }
}

class WatchedVcpu extends ForwardingVcpu {
  readonly #engine: WatchedEngine;
  #hasRun = false;

  constructor(inner: EngineVcpu, engine: WatchedEngine) {
    super(inner);
    this.#engine = engine;
  }

  override run(budget: number): Exit {
    if (!this.#hasRun) {
      this.#hasRun = true;
      this.#engine.firstRunMs = performance.now();
    }
    return this.inner.run(budget);
  }
}
