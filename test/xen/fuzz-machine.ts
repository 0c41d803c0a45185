import { XEN_X86_EMU_LAPIC } from '../../src/abi/arch-x86/xen.ts';
import { XEN_ARGO_OP_register_ring, XenArgoRegisterRing, XenArgoRing } from '../../src/abi/argo.ts';
import { XEN_DOMCTL_CDF_hap, XEN_DOMCTL_CDF_hvm } from '../../src/abi/domctl.ts';
import { EvtchnAllocUnbound, EVTCHNOP_alloc_unbound } from '../../src/abi/event_channel.ts';
import { GrantEntryV1, GTF_permit_access, GTF_readonly } from '../../src/abi/grant_table.ts';
import { HVM_PARAM_MONITOR_RING_PFN } from '../../src/abi/hvm/params.ts';
import {
  __HYPERVISOR_argo_op,
  __HYPERVISOR_event_channel_op,
  __HYPERVISOR_xen_version,
  type Domid,
  type Gfn,
} from '../../src/abi/xen.ts';
import { PAGE_SIZE } from '../../src/cpu/engine.ts';
import type { Domain } from '../../src/xen/common/domain.ts';
import { createHvmDomain, createHvmVcpu } from '../../src/xen/x86/hvm/create.ts';
import { auditP2m } from '../../src/xen/x86/mm/audit.ts';
import { LogDirty } from '../../src/xen/x86/mm/log-dirty.ts';
import { addPage, removePage } from '../../src/xen/x86/mm/physmap.ts';
import { listenTo } from '../../src/xen/testing/listener.ts';
import { Guest, TestMachine } from '../../src/xen/testing/test-machine.ts';
import type { HvmDomain } from '../../src/xen/x86/hvm/domain-hvm.ts';

import type { SeededRandom } from './fuzz-random.ts';

export const FUZZER_DOMID = 7;
export const VICTIM_DOMID = 3;
const GUEST_PAGES = 64;
/** In the arena, where calls write. */
const RING_GFN = 0x12;
/** Granted to the fuzzing domain, one of them for writing. */
const SHARED_GFN = 10;
const READ_ONLY_GFN = 11;
/** Where the victim lists the pages of its ring. */
const RING_LIST = 0x2000;

/** A machine with a domain that makes calls, one that must not notice, and dom0. */
export class FuzzMachine {
  readonly machine = new TestMachine();
  readonly victim: Guest;
  readonly privileged: boolean;
  guest!: Guest;
  #victimState = '';
  #listener: ReturnType<typeof listenTo> | undefined;
  #free = 0;
  #timers = 0;

  constructor(privileged: boolean, random: SeededRandom) {
    this.privileged = privileged;
    this.victim = this.#domain(VICTIM_DOMID, false);
    this.#prepareVictim();
    this.renew(random);
  }

  /** A fresh domain for the next batch of calls. */
  renew(random: SeededRandom): void {
    this.machine.host.settle();
    this.#free = this.machine.xen.frames.free;
    this.#timers = this.machine.xen.timers.size;
    this.guest = this.#domain(FUZZER_DOMID, this.privileged);
    this.guest.domain.maxPages = GUEST_PAGES + 32;
    this.#fillGrantTable(random);
    this.#takeMessages();
    this.#victimState = this.#stateOfVictim();
    if (random.oneIn(2)) this.#populateOnDemand(random);
    if (random.oneIn(3)) this.#logDirty();
    this.#listener = random.oneIn(3) ? this.#listen(random) : undefined;
  }

  /** Whoever listens to it answers all that waits; the ring is where the guest writes. */
  answer(): void {
    if (this.guest.domain.hvm?.monitor.ring !== undefined) this.#listener?.answerAll();
  }

  #listen(random: SeededRandom) {
    const { domain } = this.guest;
    const listener = listenTo(domain, 0 as Domid, RING_GFN);
    const { monitor } = domain.hvm as HvmDomain;
    monitor.guestRequest = { sync: random.oneIn(2), fromUserMode: true };
    monitor.defersWrites = random.oneIn(2);
    return listener;
  }

  /** Some of its memory waits to be touched, and there is not quite enough of it. */
  #populateOnDemand(random: SeededRandom): void {
    const { domain } = this.guest;
    const { p2m } = domain;
    const first = 0x28;
    for (let gfn = first; gfn < first + 16; gfn++) {
      removePage(domain, gfn);
      p2m?.pod?.mark(gfn, 0);
    }
    p2m?.pod?.setTarget(domain.totPages + 4 + random.below(16));
  }

  /** Its writes are noted, as while it is being migrated. */
  #logDirty(): void {
    const { p2m } = this.guest.domain;
    if (p2m === undefined) return;
    p2m.logDirty = new LogDirty();
    p2m.logDirtyChanged();
  }

  /** Entries of all sorts in the domain's own grant table, as a guest would write them. */
  #fillGrantTable(random: SeededRandom): void {
    const frame = this.guest.domain.grants.frames[0] as number;
    for (let ref = 0; ref < 64; ref++) {
      const entry = new GrantEntryV1(this.machine.xen.memory.view, frame * PAGE_SIZE + ref * GrantEntryV1.SIZE);
      entry.domid = random.pick([FUZZER_DOMID, VICTIM_DOMID, 0, 0x7ff0]) as Domid;
      entry.frame = random.below(GUEST_PAGES + 8) as Gfn;
      entry.flags = random.oneIn(8) ? random.u32() & 0xffff : random.pick([0, 1, 1, 1, 2, 3, 5]);
    }
  }

  /** Lets the domain run for a while: its timers fire, its events arrive; its vCPUs only halt. */
  letTimePass(): void {
    const { domain } = this.guest;
    while (domain.controllerPauseCount > 0 && this.machine.xen.domains.has(domain.id)) {
      domain.controllerPauseCount -= 1;
      domain.unpause();
    }
    this.machine.host.advance(2_000_000);
  }

  /** What is wrong now; empty where nothing is. The domain is still there. */
  problems(): string[] {
    const { xen } = this.machine;
    const problems: string[] = [];
    const domains = [...xen.domains.values()];
    const owned = domains.reduce((sum, domain) => sum + domain.totPages + domain.xenPages, xen.self.xenPages);
    const { free, offlined, total } = xen.frames;
    if (owned + free + offlined !== total) {
      problems.push(`frames: ${owned} owned, ${free} free and ${offlined} out of use are not ${total}`);
    }
    for (const domain of domains) problems.push(...problemsOf(domain));
    if (!this.privileged && this.#stateOfVictim() !== this.#victimState) problems.push('the other domain changed');
    const dom0 = this.machine.dom0.hypercall(__HYPERVISOR_xen_version, 0, 0);
    if (dom0 !== ((4 << 16) | 17)) problems.push(`dom0 is answered ${dom0}`);
    return problems;
  }

  /** Destroys the domain. What is wrong then: whatever of it is left. */
  destroy(): string[] {
    const { xen, host } = this.machine;
    const problems: string[] = [];
    const { domain } = this.guest;
    domain.kill();
    host.advance(1_000_000);
    if (this.privileged) return this.#destroyAll();
    if (xen.domains.get(domain.id) === domain) {
      problems.push(`the domain is still there, with ${domain.totPages} pages`);
    }
    if (xen.frames.free !== this.#free) problems.push(`${this.#free - xen.frames.free} frames are lost`);
    if (xen.timers.size > this.#timers) problems.push(`${xen.timers.size - this.#timers} timers are left`);
    if (this.#stateOfVictim() !== this.#victimState) problems.push('the other domain changed');
    return problems;
  }

  /** A privileged domain may have made and changed any other: with all of them gone, nothing may be left. */
  #destroyAll(): string[] {
    const { xen, host } = this.machine;
    const others = [...xen.domains.values()].filter(({ id }) => id !== 0);
    for (const other of others) other.kill();
    host.advance(1_000_000);
    const left = [...xen.domains.values()].filter(({ id }) => id !== 0);
    const problems = left.map(({ id, totPages }) => `d${id} is still there, with ${totPages} pages`);
    const dom0 = this.machine.dom0.domain;
    const { total, free, offlined } = xen.frames;
    const used = total - free - offlined - xen.self.xenPages - dom0.xenPages - dom0.totPages;
    if (used !== 0) problems.push(`${used} frames are lost`);
    return problems;
  }

  #domain(id: number, privileged: boolean): Guest {
    const { xen } = this.machine;
    const domain = createHvmDomain(
      xen,
      {
        id: id as Domid,
        privileged,
        handle: new Uint8Array(16),
        options: XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
        maxVcpus: 2,
        maxEvtchnPort: 4095,
        maxGrantFrames: 4,
        maxMaptrackFrames: 1,
        maxGrantVersion: 2,
        ssidref: 0,
      },
      XEN_X86_EMU_LAPIC,
    );
    if (domain === undefined) throw new Error('the machine has no room for a domain');
    domain.maxPages = GUEST_PAGES;
    for (let gfn = 0; gfn < GUEST_PAGES; gfn++) addPage(domain, gfn, xen.frames.allocate(domain, 0));
    for (let count = 0; count < 2; count++) createHvmVcpu(domain);
    for (const vcpu of domain.vcpus) vcpu.initialised = true;
    domain.vcpus[0]?.up();
    return new Guest(this.machine, domain);
  }

  /** It has memory with content, grants two pages to the fuzzing domain, and has ports that wait for it. */
  #prepareVictim(): void {
    const { victim } = this;
    for (let gfn = 0; gfn < GUEST_PAGES; gfn++) victim.bytes(gfn * PAGE_SIZE, PAGE_SIZE).fill(gfn + 1);
    const frame = victim.domain.grants.frames[0] as number;
    const { view } = this.machine.xen.memory;
    [SHARED_GFN, READ_ONLY_GFN].forEach((gfn, index) => {
      const entry = new GrantEntryV1(view, frame * PAGE_SIZE + (8 + index) * GrantEntryV1.SIZE);
      entry.domid = FUZZER_DOMID as Domid;
      entry.frame = gfn as Gfn;
      entry.flags = GTF_permit_access | (gfn === READ_ONLY_GFN ? GTF_readonly : 0);
    });
    victim.domain.hvm?.setParam(this.machine.dom0.domain, HVM_PARAM_MONITOR_RING_PFN, BigInt(RING_GFN), false);
    for (let port = 0; port < 3; port++) {
      victim.withStructure(
        EvtchnAllocUnbound,
        (argument) => {
          argument.dom = VICTIM_DOMID as Domid;
          argument.remote_dom = FUZZER_DOMID as Domid;
        },
        (at) => victim.hypercall(__HYPERVISOR_event_channel_op, [EVTCHNOP_alloc_unbound, at]),
      );
    }
  }

  /** The victim has a ring for messages of the fuzzing domain, in the page that this one may write anyway. */
  #takeMessages(): void {
    const { victim } = this;
    victim.view(RING_LIST).setBigUint64(0, BigInt(SHARED_GFN), true);
    victim.withStructure(
      XenArgoRegisterRing,
      (argument) => {
        argument.partner_id = FUZZER_DOMID as Domid;
        argument.len = PAGE_SIZE - XenArgoRing.SIZE;
      },
      (at) => victim.hypercall(__HYPERVISOR_argo_op, [XEN_ARGO_OP_register_ring, at, RING_LIST, 1, 0]),
    );
  }

  /** All that the fuzzing domain must not reach, as a hash. */
  #stateOfVictim(): string {
    const { domain } = this.victim;
    const words = new Uint32Array(this.machine.xen.memory.buffer);
    let hash = 0x811c9dc5;
    domain.p2m?.forEach((gfn, mfn, type) => {
      hash = Math.imul(hash ^ (gfn * 31 + mfn * 7 + type), 0x01000193);
      if (gfn === SHARED_GFN || mfn === 0) return;
      const first = (mfn * PAGE_SIZE) / 4;
      for (let at = first; at < first + PAGE_SIZE / 4; at++) hash = Math.imul(hash ^ (words[at] as number), 0x01000193);
    });
    const { totPages, maxPages, pauseCount, shuttingDown, dyingState } = domain;
    return [hash, totPages, maxPages, pauseCount, shuttingDown, dyingState].join();
  }
}

function problemsOf(domain: Domain): string[] {
  if (domain.dying) return []; // what is left of it is held by others
  const { m2pBad, p2mBad, onDemand } = auditP2m(domain);
  const problems: string[] = [];
  if (m2pBad + p2mBad > 0) problems.push(`d${domain.id}: p2m and m2p differ in ${m2pBad + p2mBad} places`);
  const entries = domain.p2m?.pod?.entries ?? 0;
  if (entries !== onDemand) problems.push(`d${domain.id}: ${onDemand} on-demand entries are counted as ${entries}`);
  if (domain.outstandingPages < 0 || domain.totPages < 0) problems.push(`d${domain.id}: negative pages`);
  return problems;
}
