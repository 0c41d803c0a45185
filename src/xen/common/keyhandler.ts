import { VIRQ_DEBUG } from '../../abi/xen.ts';
import { auditP2m } from '../x86/mm/audit.ts';
import type { Domain } from './domain.ts';
import { ECS_FREE, ECS_INTERDOMAIN, ECS_UNBOUND, ECS_VIRQ, type EventChannel } from './event-channel.ts';
import { sendVcpuVirq } from './virq.ts';
import type { Hypervisor } from './hypervisor.ts';
import type { Vcpu } from './vcpu.ts';

interface KeyHandler {
  readonly description: string;
  /** Part of what '*' prints. */
  readonly diagnostic: boolean;
  readonly handle: (xen: Hypervisor) => void;
}

const KEYS: ReadonlyMap<string, KeyHandler> = new Map<string, KeyHandler>([
  ['*', { description: 'print all diagnostics', diagnostic: false, handle: printAll }],
  ['a', { description: 'dump timer queues', diagnostic: true, handle: dumpTimers }],
  ['d', { description: 'dump registers', diagnostic: true, handle: dumpRegisters }],
  ['e', { description: 'dump evtchn info', diagnostic: true, handle: dumpEvents }],
  ['g', { description: 'print grant table usage', diagnostic: true, handle: dumpGrants }],
  ['h', { description: 'show this message', diagnostic: false, handle: showHandlers }],
  ['m', { description: 'memory info', diagnostic: true, handle: memoryInfo }],
  ['q', { description: 'dump domain (and guest debug) info', diagnostic: true, handle: dumpDomains }],
  ['r', { description: 'dump run queues', diagnostic: true, handle: dumpRunQueues }],
  ['t', { description: 'display multi-cpu clock info', diagnostic: true, handle: clockInfo }],
  ['u', { description: 'dump NUMA info', diagnostic: true, handle: numaInfo }],
]);

/** A key of Xen's console: prints what belongs to it there; nothing for a key that has no meaning (Xen's handle_keypress). */
export function handleKey(xen: Hypervisor, key: string): void {
  const handler = KEYS.get(key);
  if (handler === undefined) return;
  if (handler.diagnostic) xen.log(`'${key}' pressed -> ${handler.description} (now = ${xen.now()})`);
  handler.handle(xen);
}

function showHandlers(xen: Hypervisor): void {
  xen.log("'h' pressed -> showing installed handlers");
  for (const [key, { description }] of KEYS) {
    const code = key.charCodeAt(0).toString(16).padStart(2, '0');
    xen.log(` key '${key}' (ascii '${code}') => ${description}`);
  }
}

function printAll(xen: Hypervisor): void {
  xen.log("'*' pressed -> firing all diagnostic keyhandlers");
  for (const [key, { diagnostic, handle, description }] of KEYS) {
    if (!diagnostic) continue;
    xen.log(`[${key}: ${description}]`);
    handle(xen);
  }
}

function dumpDomains(xen: Hypervisor): void {
  for (const domain of xen.domains.values()) {
    dumpDomain(domain);
    for (const vcpu of domain.vcpus) dumpVcpu(vcpu);
  }
  for (const domain of xen.domains.values()) {
    for (const vcpu of domain.vcpus) {
      const port = vcpu.virqToPort[VIRQ_DEBUG];
      xen.log(`Notifying guest ${domain.id}:${vcpu.vcpuId} (virq ${VIRQ_DEBUG}, port ${port})`);
      sendVcpuVirq(vcpu, VIRQ_DEBUG);
    }
  }
}

function dumpDomain(domain: Domain): void {
  const { xen } = domain;
  xen.log(`General information for domain ${domain.id}:`);
  xen.log(`    dying=${domain.dyingState} pause_count=${domain.pauseCount}`);
  xen.log(`    nr_pages=${domain.totPages} xenheap_pages=${domain.xenPages} max_pages=${domain.maxPages}`);
  xen.log(`    handle=${formatUuid(domain.handle)} vm_assist=${domain.vmAssist.toString(16).padStart(8, '0')}`);
  if (domain.hvm !== undefined) xen.log('    paging assistance: hap refcounts translate external');
  const pod = domain.p2m?.pod;
  if (pod !== undefined && pod.entries + pod.count > 0) {
    xen.log(`    PoD entries=${pod.entries} cachesize=${pod.count}`);
  }
  xen.log(`VCPU information and callbacks for domain ${domain.id}:`);
}

function formatUuid(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function dumpVcpu(vcpu: Vcpu): void {
  const { xen } = vcpu.domain;
  const running = vcpu.running ? 'T' : 'F';
  const upcall = vcpu.upcallPending ? '01' : '00';
  xen.log(`    VCPU${vcpu.vcpuId}: [has=${running}] poll=${vcpu.polling ? vcpu.pollPort : 0} upcall_pend=${upcall}`);
  xen.log(`    pause_count=${vcpu.pauseCount} pause_flags=${vcpu.pauseFlags.toString(16)}`);
  if (vcpu.periodNs === 0) xen.log('    No periodic timer');
  else xen.log(`    ${Math.round(1e9 / vcpu.periodNs)} Hz periodic timer (period ${vcpu.periodNs / 1e6} ms)`);
}

function dumpRegisters(xen: Hypervisor): void {
  for (const domain of xen.domains.values()) domain.hvm?.dump();
}

function dumpRunQueues(xen: Hypervisor): void {
  for (let pool = xen.cpupools.findFrom(0); pool !== undefined; pool = xen.cpupools.findFrom(pool.id + 1)) {
    xen.log(`Cpupool ${pool.id}: scheduler ${pool.scheduler.name}, ${pool.domains.size} domains`);
  }
  for (const domain of xen.domains.values()) {
    for (const vcpu of domain.vcpus) {
      const state = vcpu.running ? 'running' : vcpu.runnable ? 'runnable' : 'waiting';
      xen.log(`  ${vcpu.name} ${state} flags=${vcpu.pauseFlags.toString(16)}`);
    }
  }
}

function dumpEvents(xen: Hypervisor): void {
  for (const domain of xen.domains.values()) {
    xen.log(`Event channel information for domain ${domain.id}:`);
    xen.log(`Polling vCPUs: {${[...domain.events.pollers].map((vcpu) => vcpu.vcpuId).join(',')}}`);
    for (let port = 1, left = domain.events.active; left > 0; port++) {
      const channel = domain.events.at(port);
      if (channel === undefined) break;
      if (channel.state === ECS_FREE) continue;
      left -= 1;
      xen.log(`    ${String(port).padStart(4)}: s=${channel.state} n=${channel.notifyVcpuId}${otherEnd(channel)}`);
    }
  }
}

function otherEnd(channel: EventChannel): string {
  switch (channel.state) {
    case ECS_UNBOUND:
      return ` d=${channel.remoteDomid}`;
    case ECS_INTERDOMAIN:
      return ` d=${channel.remote?.domain.id} p=${channel.remote?.port}`;
    case ECS_VIRQ:
      return ` v=${channel.virq}`;
    default:
      return '';
  }
}

function dumpGrants(xen: Hypervisor): void {
  for (const { id, grants } of xen.domains.values()) {
    xen.log(`      -------- active --------       -------- maptrack --------`);
    xen.log(
      `grant-table for remote d${id} (v${grants.version}): ${grants.frames.length} frames (${grants.maxFrames} max), ` +
        `${grants.maptrackInUse} maptracked`,
    );
  }
}

function memoryInfo(xen: Hypervisor): void {
  const { frames } = xen;
  xen.log('Physical memory information:');
  xen.log(`    Xen heap: ${frames.total * 4}kB total, ${frames.free * 4}kB free`);
  xen.log(`    heap[all]: ${frames.free * 4}kB free, ${frames.outstanding} pages claimed`);
  for (const domain of xen.domains.values()) {
    if (domain.p2m === undefined) continue;
    const { orphans, m2pBad, p2mBad, onDemand } = auditP2m(domain);
    xen.log(
      `    d${domain.id}: ${domain.totPages} pages, ${orphans} in no guest frame, ${onDemand} on demand, ` +
        `${m2pBad + p2mBad} inconsistent`,
    );
  }
}

function dumpTimers(xen: Hypervisor): void {
  xen.log(`Timers: ${xen.timers.size} active, next in ${Math.round((xen.timers.nextNs - xen.now()) / 1000)}us`);
}

function clockInfo(xen: Hypervisor): void {
  xen.log(`System time ${xen.now()} ns; wall clock ${xen.wallclockAtBootNs() + BigInt(xen.now())} ns`);
}

function numaInfo(xen: Hypervisor): void {
  xen.log(`NODE0 start->0 size->${xen.memory.frameCount} free->${xen.frames.free}`);
  for (const { id, totPages } of xen.domains.values())
    xen.log(`Domain ${id} (total: ${totPages}): Node 0: ${totPages}`);
}
