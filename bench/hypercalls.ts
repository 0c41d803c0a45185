import { setTimeout } from 'node:timers/promises';
import {
  AT_BIND,
  MAX_ROUNDS,
  measureKernel,
  OPERATIONS,
  ORDERS,
  RESULTS,
  ROLE_COPY,
  ROLE_MAP,
  ROLE_PING,
  ROLE_PONG,
  KERNEL,
  UNMAPPINGS,
} from '../guests/measure/measure.ts';
import { XEN_X86_EMU_LAPIC } from '../src/abi/arch-x86/xen.ts';
import { XEN_DOMCTL_CDF_hap, XEN_DOMCTL_CDF_hvm } from '../src/abi/domctl.ts';
import { EvtchnBindInterdomain } from '../src/abi/event_channel.ts';
import {
  GNTCOPY_source_gref,
  GNTMAP_host_map,
  GNTST_okay,
  GnttabCopy,
  GnttabMapGrantRef,
  GnttabUnmapGrantRef,
  GrantEntryV1,
  GTF_permit_access,
} from '../src/abi/grant_table.ts';
import { XENMAPSPACE_grant_table } from '../src/abi/memory.ts';
import { type Domid, DOMID_SELF, gfn, type Gfn, type GrantRef, type Port } from '../src/abi/xen.ts';
import { copyToGuest, PAGE_SIZE, populate, withFrames } from '../src/dom0/toolstack/guest-memory.ts';
import { bootProcessor, MTRR_DEFAULT_WRITE_BACK } from '../src/dom0/toolstack/pvh-start.ts';
import { NodeClock } from '../src/host/node/clock.ts';
import { defer, keepAlive } from '../src/host/node/event-loop.ts';
import { availableMemoryKib } from '../src/host/node/memory.ts';
import { NodeRandom } from '../src/host/node/random.ts';
import { type Machine, startMachine } from '../src/machine/machine.ts';
import { median, table } from './statistics.ts';

/** What the hypercalls of this machine cost, as its guests measure it. */
export interface HypercallFigures {
  /** Nanoseconds from an event to the answer of the domain it went to, median. */
  readonly roundTripNs: number;
  /** Mappings made and undone a second, by the operations of one call. */
  readonly mappings: Readonly<Record<number, number>>;
  /** Bytes a second that page-sized copies move, by the operations of one call. */
  readonly copies: Readonly<Record<number, number>>;
}

const GUEST_MIB = 16;
const TABLE_GFN = gfn(0x10000);
/** Frames of the granting domain, and of the other one where they go. */
const GRANTED_GFN = 0x500;
const TARGET_GFN = 0x800;
const MAPPED_GFN = 0x2000;
const FIRST_REF = 8;
const MOST_OPERATIONS = 128;

const ROUND_TRIPS = 100_000;
const WARM_UP = 0.25;
const TIMEOUT_MS = 120_000;

/** Two domains measure what passes between them. Everything is in this process: no other machine is started. */
export async function hypercalls(): Promise<HypercallFigures> {
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
    { guestMemoryKib: 3 * GUEST_MIB * 1024, trace: [], observed: false },
  );
  const letGo = keepAlive();
  try {
    const roundTripNs = median(await roundTrips(machine));
    const mappings: Record<number, number> = {};
    for (const count of [1, 32]) mappings[count] = perSecond(await mapAndUnmap(machine, count), count);
    const copies: Record<number, number> = {};
    for (const count of [1, 64]) copies[count] = perSecond(await copy(machine, count), count * PAGE_SIZE);
    return { roundTripNs, mappings, copies };
  } finally {
    letGo();
    await machine.stop();
  }
}

export function hypercallTable({ roundTripNs, mappings, copies }: HypercallFigures): string {
  const rows: [string, string, string][] = [
    ['event channel round trip between two domains, median', `${(roundTripNs / 1000).toFixed(2)} us`, 'under 5'],
    ...Object.entries(mappings).map(([count, figure]): [string, string, string] => [
      `grant map and unmap, ${count} a call`,
      `${Math.round(figure / 1000)} k/s`,
      count === '1' ? '' : 'above 300',
    ]),
    ...Object.entries(copies).map(([count, figure]): [string, string, string] => [
      `grant copy of pages, ${count} a call`,
      `${(figure / 1e9).toFixed(2)} GB/s`,
      count === '1' ? '' : 'above 4',
    ]),
  ];
  return table(['hypercalls', 'xenolith', 'asked'], rows);
}

function perSecond(roundsNs: readonly number[], each: number): number {
  return (each * 1e9) / median(roundsNs);
}

async function roundTrips(machine: Machine): Promise<readonly number[]> {
  const pong = createGuest(machine);
  const ping = createGuest(machine);
  const port = machine.ctrl.evtchn_alloc_unbound(ping, pong);
  order(machine, ping, { role: ROLE_PING, rounds: ROUND_TRIPS, port });
  order(machine, pong, { role: ROLE_PONG, remote: ping, remotePort: port });
  machine.ctrl.domain_unpause(pong);
  const results = await run(machine, ping, ROUND_TRIPS);
  machine.ctrl.domain_destroy(pong);
  return results;
}

async function mapAndUnmap(machine: Machine, count: number): Promise<readonly number[]> {
  const rounds = Math.floor(200_000 / count);
  const granter = createGuest(machine);
  const mapper = createGuest(machine);
  grant(machine, granter, mapper, count);
  order(machine, mapper, { role: ROLE_MAP, rounds, count });
  fill(machine, mapper, OPERATIONS, GnttabMapGrantRef, count, (operation, index) => {
    operation.host_addr = BigInt((MAPPED_GFN + index) * PAGE_SIZE);
    operation.flags = GNTMAP_host_map;
    operation.ref = (FIRST_REF + index) as GrantRef;
    operation.dom = granter;
  });
  fill(machine, mapper, UNMAPPINGS, GnttabUnmapGrantRef, count, (operation, index) => {
    operation.host_addr = BigInt((MAPPED_GFN + index) * PAGE_SIZE);
  });
  const results = await run(machine, mapper, rounds, () => {
    check(machine, mapper, OPERATIONS, GnttabMapGrantRef, count);
    check(machine, mapper, UNMAPPINGS, GnttabUnmapGrantRef, count);
  });
  machine.ctrl.domain_destroy(granter);
  return results;
}

async function copy(machine: Machine, count: number): Promise<readonly number[]> {
  const rounds = Math.floor(400_000 / (count + 3));
  const granter = createGuest(machine);
  const copier = createGuest(machine);
  grant(machine, granter, copier, count);
  order(machine, copier, { role: ROLE_COPY, rounds, count });
  fill(machine, copier, OPERATIONS, GnttabCopy, count, (operation, index) => {
    operation.source.ref = (FIRST_REF + index) as GrantRef;
    operation.source.domid = granter;
    operation.dest.gmfn = gfn(TARGET_GFN + index);
    operation.dest.domid = DOMID_SELF;
    operation.len = PAGE_SIZE;
    operation.flags = GNTCOPY_source_gref;
  });
  const results = await run(machine, copier, rounds, () => check(machine, copier, OPERATIONS, GnttabCopy, count));
  machine.ctrl.domain_destroy(granter);
  return results;
}

/** A domain with the measuring kernel or another, paused, without orders yet. */
export function createGuest(machine: Machine, { bytes, entry } = measureKernel()): Domid {
  const { ctrl, foreignMemory } = machine;
  const domid = ctrl.domain_create({
    ssidref: 0,
    handle: new Uint8Array(16),
    flags: XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
    max_vcpus: 1,
    max_evtchn_port: 1023,
    max_grant_frames: 4,
    max_maptrack_frames: 4,
    grant_opts: 1,
    cpupool_id: 0,
    emulation_flags: XEN_X86_EMU_LAPIC,
  });
  ctrl.domain_max_vcpus(domid, 1);
  ctrl.domain_setmaxmem(domid, GUEST_MIB * 1024);
  populate(ctrl, domid, [{ gfn: 0, count: GUEST_MIB * 256 }]);
  copyToGuest(foreignMemory, domid, KERNEL, bytes);
  ctrl.domain_hvm_setcontext(domid, 0, { mtrr: { msr_mtrr_def_type: MTRR_DEFAULT_WRITE_BACK } });
  ctrl.domain_hvm_setcontext(domid, 0, { cpu: bootProcessor(entry, 0) });
  return domid;
}

interface Orders {
  readonly role: number;
  readonly rounds?: number;
  readonly count?: number;
  readonly port?: Port;
  readonly remote?: Domid;
  readonly remotePort?: Port;
}

function order({ foreignMemory }: Machine, domid: Domid, orders: Orders): void {
  const bytes = new Uint8Array(AT_BIND + EvtchnBindInterdomain.SIZE);
  const view = new DataView(bytes.buffer);
  const { role, rounds = 0, count = 0, port = 0, remote, remotePort } = orders;
  [role, rounds, count, port].forEach((value, index) => view.setUint32(index * 4, value, true));
  const bind = new EvtchnBindInterdomain(view, AT_BIND);
  if (remote !== undefined) bind.remote_dom = remote;
  if (remotePort !== undefined) bind.remote_port = remotePort;
  copyToGuest(foreignMemory, domid, ORDERS, bytes);
}

/** Lets `user` use frames of a domain that never runs. */
function grant({ ctrl, foreignMemory }: Machine, granter: Domid, user: Domid, count: number): void {
  ctrl.domain_add_to_physmap(granter, XENMAPSPACE_grant_table, 0, TABLE_GFN);
  const entries = new Uint8Array(MOST_OPERATIONS * GrantEntryV1.SIZE);
  for (let index = 0; index < count; index++) {
    const entry = new GrantEntryV1(new DataView(entries.buffer), index * GrantEntryV1.SIZE);
    entry.frame = gfn(GRANTED_GFN + index);
    entry.domid = user;
    entry.flags = GTF_permit_access;
  }
  copyToGuest(foreignMemory, granter, TABLE_GFN * PAGE_SIZE + FIRST_REF * GrantEntryV1.SIZE, entries);
}

interface Structure<T> {
  readonly C_NAME: string;
  readonly SIZE: number;
  new (memory: DataView, base: number): T;
}

function fill<T>(
  { foreignMemory }: Machine,
  domid: Domid,
  address: number,
  structure: Structure<T>,
  count: number,
  write: (operation: T, index: number) => void,
): void {
  const bytes = new Uint8Array(count * structure.SIZE);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < count; index++) write(new structure(view, index * structure.SIZE), index);
  copyToGuest(foreignMemory, domid, address, bytes);
}

/** A figure of operations that were refused would be none. */
function check<T extends { readonly status: number }>(
  machine: Machine,
  domid: Domid,
  address: number,
  structure: Structure<T>,
  count: number,
): void {
  const view = new DataView(read(machine, domid, address, count * structure.SIZE).buffer);
  for (let index = 0; index < count; index++) {
    const { status } = new structure(view, index * structure.SIZE);
    if (status !== GNTST_okay) throw new Error(`${structure.C_NAME} ${index} of ${count}: status ${status}`);
  }
}

function read({ foreignMemory }: Machine, domid: Domid, address: number, length: number): Uint8Array {
  const first = Math.floor(address / PAGE_SIZE);
  const gfns: Gfn[] = Array.from({ length: Math.ceil(length / PAGE_SIZE) }, (_, index) => gfn(first + index));
  const bytes = new Uint8Array(gfns.length * PAGE_SIZE);
  withFrames(foreignMemory, domid, gfns, (views) => views.forEach((page, at) => bytes.set(page, at * PAGE_SIZE)));
  return bytes.subarray(0, length);
}

/** Lets a domain run until it powers off, and returns what it measured, its first rounds left out. */
async function run(
  machine: Machine,
  domid: Domid,
  rounds: number,
  look: () => void = () => {},
): Promise<readonly number[]> {
  if (rounds > MAX_ROUNDS) throw new RangeError(`${rounds} rounds, but there is room for ${MAX_ROUNDS}`);
  const { ctrl } = machine;
  ctrl.domain_unpause(domid);
  const end = performance.now() + TIMEOUT_MS;
  while (ctrl.domain_getinfo(domid)?.shutdown !== true) {
    if (performance.now() > end) throw new Error(`${rounds} rounds took longer than ${TIMEOUT_MS / 1000} s`);
    await setTimeout(20);
  }
  const failure = machine.describe(domid);
  if (failure !== undefined) throw new Error(failure);
  look();
  const bytes = read(machine, domid, RESULTS, rounds * 4);
  ctrl.domain_destroy(domid);
  return Array.from(new Uint32Array(bytes.buffer, 0, rounds)).slice(Math.floor(rounds * WARM_UP));
}
