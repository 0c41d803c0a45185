import { SHUTDOWN_crash, SHUTDOWN_suspend, SHUTDOWN_watchdog } from '../../abi/sched.ts';
import { type Domid, VIRQ_DOM_EXC } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { assert } from '../../lib/assert.ts';
import { updateWallclock } from '../x86/time.ts';
import { DOM0_DOM_ADD, DOM0_DOM_REM, SCHED_DOM_ADD, SCHED_DOM_REM, SCHED_SHUTDOWN } from '../trace/events.ts';
import type { HvmDomain } from '../x86/hvm/domain-hvm.ts';
import type { P2m } from '../x86/mm/p2m.ts';
import { NO_FRAME } from './buddy.ts';
import { ArgoDomain } from './argo-domain.ts';
import { DomainEvents } from './event-channel.ts';
import { sendGlobalVirq } from './virq.ts';
import type { Cpupool } from './cpupool.ts';
import type { FrameOwner } from './frame-table.ts';
import { GrantTable, type GrantVersion } from './grant-table.ts';
import type { Hypervisor } from './hypervisor.ts';
import { Timer } from './timer.ts';
import { type Vcpu, VPF_down } from './vcpu.ts';

export const DOMDYING_alive = 0;
export const DOMDYING_dying = 1;
export const DOMDYING_dead = 2;
export type Dying = 0 | 1 | 2;

/** SCHEDOP_watchdog: timers of a domain. */
export const NR_DOMAIN_WATCHDOG_TIMERS = 2;

/** What a domain is created with; checked by whoever asks. */
export interface DomainConfig {
  readonly id: Domid;
  /** dom0, and whoever it trusts as much. */
  readonly privileged: boolean;
  readonly handle: Uint8Array;
  /** XEN_DOMCTL_CDF_* */
  readonly options: number;
  readonly maxVcpus: number;
  readonly maxEvtchnPort: number;
  readonly maxGrantFrames: number;
  readonly maxMaptrackFrames: number;
  readonly maxGrantVersion: GrantVersion;
  readonly ssidref: number;
  /** Pool-0 where it is not given. */
  readonly cpupool?: Cpupool;
}

/** A domain as Xen's common code knows it (Xen's struct domain). */
export class Domain implements FrameOwner {
  readonly xen: Hypervisor;
  readonly id: Domid;
  readonly privileged: boolean;
  readonly options: number;
  readonly ssidref: number;
  handle: Uint8Array;

  maxPages = 0;
  totPages = 0;
  xenPages = 0;
  xenReferences = 0;
  outstandingPages = 0;

  /** The pCPUs it runs on, and their scheduler. */
  cpupool: Cpupool;
  readonly maxVcpus: number;
  readonly vcpus: Vcpu[] = [];
  /** Guest frames of a translated domain; undefined for dom0, which sees machine frames. */
  p2m: P2m | undefined;
  /** The domain this one serves, as a device model does (XEN_DOMCTL_set_target). */
  target: Domain | undefined;
  /** XEN_DOMCTL_setdebugging */
  debuggerAttached = false;
  hvm: HvmDomain | undefined;

  /** Machine address of its shared_info. */
  readonly sharedInfo: number;
  /** shared_info and vcpu_info have the 32-bit layout. */
  has32bitSharedInfo = false;
  readonly events: DomainEvents;
  readonly grants: GrantTable;
  readonly argo = new ArgoDomain(this);

  pauseCount = 0;
  controllerPauseCount = 0;
  /** The toolstack has let it run for the first time. */
  creationFinished = false;
  dyingState: Dying = DOMDYING_alive;
  shuttingDown = false;
  /** All its vCPUs have stopped for the shutdown. */
  shutDown = false;
  /** SHUTDOWN_*, undefined until it is told. */
  shutdownCode: number | undefined;
  /** Port to tell of a suspend instead of VIRQ_DOM_EXC. */
  suspendPort = 0;

  /** XENMEM_memory_map's answer: 20-byte E820 rows. */
  memoryMap = new Uint8Array(0);
  /** Bits of VMASST_TYPE_*; 32 and above never apply to translated guests. */
  vmAssist = 0;
  /** XEN_DOMCTL_settimeoffset, seconds. */
  timeOffsetSeconds = 0;
  readonly watchdogs: readonly Timer[];
  watchdogsInUse = 0;
  /** A line of CONSOLEIO_write without its newline yet. */
  consoleLine = '';

  private constructor(xen: Hypervisor, config: DomainConfig) {
    this.xen = xen;
    this.id = config.id;
    this.privileged = config.privileged;
    this.handle = config.handle;
    this.options = config.options;
    this.ssidref = config.ssidref;
    this.maxVcpus = config.maxVcpus;
    this.cpupool = config.cpupool ?? xen.cpupools.first;
    xen.frames.register(this);
    const mfn = xen.frames.allocateXen(this);
    this.sharedInfo = mfn * PAGE_SIZE;
    this.events = new DomainEvents(this, config.maxEvtchnPort);
    this.grants = new GrantTable(this, config.maxGrantFrames, config.maxMaptrackFrames, config.maxGrantVersion);
    this.watchdogs = Array.from({ length: NR_DOMAIN_WATCHDOG_TIMERS }, () => new Timer(() => this.#watchdogFired()));
  }

  /** Makes an empty domain, paused once by its controller. Undefined where memory for it is short. */
  static create(xen: Hypervisor, config: DomainConfig): Domain | undefined {
    const domain = new Domain(xen, config);
    if (domain.sharedInfo === NO_FRAME || !domain.grants.grow(1)) {
      domain.#freeXenPages();
      xen.frames.unregister(domain);
      return undefined;
    }
    domain.pauseCount = 1;
    domain.controllerPauseCount = 1;
    xen.domains.set(config.id, domain);
    domain.cpupool.domains.add(domain);
    xen.traceBuffer?.record(SCHED_DOM_ADD, config.id, config.id);
    xen.traceBuffer?.record(DOM0_DOM_ADD, config.id, config.id);
    updateWallclock(domain);
    return domain;
  }

  /** Being destroyed: nothing new may begin. */
  get dying(): boolean {
    return this.dyingState !== DOMDYING_alive;
  }

  vcpu(id: number): Vcpu | undefined {
    return this.vcpus[id];
  }

  pause(): void {
    this.pauseCount += 1;
    for (const vcpu of this.vcpus) vcpu.sleep();
  }

  unpause(): void {
    assert(this.pauseCount > 0, 'every unpause undoes a pause');
    this.pauseCount -= 1;
    if (this.pauseCount === 0) for (const vcpu of this.vcpus) vcpu.wake();
  }

  /** Stops it as it asked, or as somebody says it did (Xen's domain_shutdown). A second reason is not heard. */
  shutdown(reason: number): void {
    this.shutdownCode ??= reason;
    this.xen.traceBuffer?.record(SCHED_SHUTDOWN, this.id, this.id, 0, reason);
    if (this.shuttingDown) return;
    this.shuttingDown = true;
    for (const vcpu of this.vcpus) {
      vcpu.pausedForShutdown = true;
      vcpu.pause();
    }
    this.shutDown = true;
    if (this.shutdownCode === SHUTDOWN_suspend && this.suspendPort !== 0) this.events.notify(this.suspendPort);
    else sendGlobalVirq(this.xen, VIRQ_DOM_EXC);
  }

  /** Lets it go on after a shutdown (XEN_DOMCTL_resumedomain). */
  resume(): void {
    this.pause();
    this.shuttingDown = false;
    this.shutDown = false;
    this.shutdownCode = undefined;
    for (const vcpu of this.vcpus) {
      if (vcpu.pausedForShutdown) vcpu.unpause();
      vcpu.pausedForShutdown = false;
    }
    this.unpause();
  }

  /** It did what cannot be answered with an error. The log says what, and where it was. */
  crash(why: string): void {
    if (!this.shuttingDown) {
      this.xen.log(`Domain ${this.id} crashed: ${why}`);
      this.hvm?.dump();
    }
    this.shutdown(SHUTDOWN_crash);
  }

  /**
   * Destroys it (Xen's domain_kill): everything it has is freed at once, except frames that another domain still has
   * mapped; the domain stays, dying, until the last of them is let go.
   */
  kill(): void {
    if (this.dyingState !== DOMDYING_alive) return;
    this.pause();
    this.dyingState = DOMDYING_dying;
    const { frames } = this.xen;
    frames.claim(this, 0);
    this.grants.releaseMappings();
    this.argo.reset();
    this.hvm?.closeMonitor();
    this.events.destroy();
    for (const vcpu of this.vcpus) {
      vcpu.unmapInfo();
      vcpu.stopTimers();
    }
    for (const watchdog of this.watchdogs) this.xen.timers.stop(watchdog);
    this.hvm?.releaseForeign();
    this.dyingState = DOMDYING_dead;
    frames.relinquish(this);
    sendGlobalVirq(this.xen, VIRQ_DOM_EXC);
  }

  frameWritten(gfn: number): void {
    this.p2m?.markDirty(gfn);
  }

  /** The last frame of a dying domain went: nothing holds it any more. */
  lastFrameFreed(): void {
    if (this.dyingState !== DOMDYING_dead || this.xen.domains.get(this.id) !== this) return;
    this.xen.domains.delete(this.id);
    this.xen.traceBuffer?.record(SCHED_DOM_REM, this.id, this.id);
    this.xen.traceBuffer?.record(DOM0_DOM_REM, this.id, this.id);
    assert(this.grants.maptrackInUse === 0, 'a dead domain has nothing mapped');
    assert(this.events.active === 0, 'a dead domain has no port');
    const timers = this.vcpus.flatMap((vcpu) => [vcpu.singleshotTimer, vcpu.periodicTimer, vcpu.pollTimer]);
    assert(![...timers, ...this.watchdogs].some(({ active }) => active), 'a dead domain has no timer');
    for (const vcpu of this.vcpus) {
      this.xen.scheduler.remove(vcpu);
      vcpu.arch.destroy();
    }
    this.xen.cpupools.removeDomain(this);
    this.p2m?.clear();
    this.#freeXenPages();
    this.xen.frames.unregister(this);
    sendGlobalVirq(this.xen, VIRQ_DOM_EXC);
  }

  /** vCPUs that are not down. */
  get onlineVcpus(): number {
    return this.vcpus.reduce((count, vcpu) => count + ((vcpu.pauseFlags & VPF_down) === 0 ? 1 : 0), 0);
  }

  #freeXenPages(): void {
    const { frames } = this.xen;
    this.grants.destroy();
    if (this.sharedInfo !== 0) frames.putAllocation(this.sharedInfo / PAGE_SIZE);
  }

  #watchdogFired(): void {
    if (this.shuttingDown || this.dying) return;
    this.xen.log(`Watchdog timer fired for domain ${this.id}`);
    this.shutdown(SHUTDOWN_watchdog);
  }
}
