import { XEN_X86_EMU_LAPIC } from '../../abi/arch-x86/xen.ts';
import { XEN_DOMCTL_CDF_hap, XEN_DOMCTL_CDF_hvm } from '../../abi/domctl.ts';
import { GrantEntryV1, GTF_permit_access } from '../../abi/grant_table.ts';
import { HVM_PARAM_STORE_EVTCHN } from '../../abi/hvm/params.ts';
import type { Domid, Gfn } from '../../abi/xen.ts';
import { ENGINE_RESERVED_BYTES } from '../../cpu/engine.ts';
import type { CreateDomain, HvmCpu } from '../../libs/ctrl/ctrl.ts';
import { HypercallCtrl } from '../../libs/ctrl/ctrl-hypercalls.ts';
import { EventChannelDriver } from '../../libs/evtchn/evtchn-driver.ts';
import { PrivcmdForeignMemory } from '../../libs/foreignmemory/foreignmemory-privcmd.ts';
import { HypercallGrantTables } from '../../libs/gnttab/gnttab-hypercalls.ts';
import { Xen } from '../xen.ts';
import { FakeCpuid, FakeEngine, type FakeVcpu } from './fake-engine.ts';
import { SimulatedHost } from './simulated-host.ts';

// The hypervisor as the machine has it: dom0's libraries on one side, guests on the other.

const MEMORY = new ArrayBuffer(ENGINE_RESERVED_BYTES + 16 * 2 ** 20);
export const GRANT_GFN = 0xfeff0 as Gfn;
export const SHARED_PAGE = 5;

const FLAT = { base: 0, limit: 0xffffffff };
const START: HvmCpu = {
  rax: 0,
  rbx: 0x9000,
  rcx: 0,
  rdx: 0,
  rbp: 0,
  rsi: 0,
  rdi: 0,
  rsp: 0,
  rip: 0x100000,
  rflags: 2,
  cr0: 0x11,
  cr3: 0,
  cr4: 0,
  dr6: 0xffff0ff0,
  dr7: 0x400,
  cs: { ...FLAT, sel: 0, arbytes: 0xc9b },
  ds: { ...FLAT, sel: 0, arbytes: 0xc93 },
  es: { ...FLAT, sel: 0, arbytes: 0xc93 },
  fs: { ...FLAT, sel: 0, arbytes: 0 },
  gs: { ...FLAT, sel: 0, arbytes: 0 },
  ss: { ...FLAT, sel: 0, arbytes: 0xc93 },
  tr: { base: 0, limit: 0x67, sel: 0, arbytes: 0x8b },
  ldtr: { base: 0, limit: 0, sel: 0, arbytes: 0 },
};

export const PVH: CreateDomain = {
  ssidref: 0,
  handle: Uint8Array.from({ length: 16 }, (_, index) => index),
  flags: XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
  max_vcpus: 1,
  max_evtchn_port: 1023,
  max_grant_frames: 4,
  max_maptrack_frames: 4,
  grant_opts: 1,
  cpupool_id: 0,
  emulation_flags: XEN_X86_EMU_LAPIC,
};

export function machine() {
  new Uint8Array(MEMORY, 0, 2 ** 20).fill(0);
  new Uint8Array(MEMORY, ENGINE_RESERVED_BYTES).fill(0);
  const host = new SimulatedHost();
  const engine = new FakeEngine(MEMORY);
  const xen = new Xen({
    memory: MEMORY,
    engine,
    cpuid: new FakeCpuid(),
    clock: host,
    random: host,
    defer: host.defer,
    log: host.log,
  });
  xen.start();
  const ctrl = new HypercallCtrl(xen.dom0);
  const driver = new EventChannelDriver(xen.dom0, xen.dom0);
  const events = driver.open();
  const grants = new HypercallGrantTables(xen.dom0, xen.dom0);
  const foreign = new PrivcmdForeignMemory(xen.dom0);
  return { host, engine, xen, ctrl, driver, events, grants, foreign };
}

export type Machine = ReturnType<typeof machine>;

/** What a builder does for a PVH guest, without a kernel. */
export function build({ ctrl, engine }: Machine, pages = 64, config: Partial<CreateDomain> = {}) {
  const domid = ctrl.domain_create({ ...PVH, ...config });
  ctrl.domain_max_vcpus(domid, config.max_vcpus ?? 1);
  ctrl.domain_setmaxmem(domid, pages * 4);
  ctrl.domain_populate_physmap_exact(
    domid,
    Array.from({ length: pages }, (_, gfn) => gfn as Gfn),
  );
  ctrl.domain_set_memory_map(domid, [{ addr: 0n, size: BigInt(pages * 4096), type: 1 }]);
  const port = ctrl.evtchn_alloc_unbound(domid, 0 as Domid);
  ctrl.hvm_param_set(domid, HVM_PARAM_STORE_EVTCHN, BigInt(port));
  ctrl.domain_hvm_setcontext(domid, 0, { mtrr: { msr_mtrr_def_type: 0x806n } });
  ctrl.domain_hvm_setcontext(domid, 0, { cpu: START });
  const cpu = engine.vcpus.at(-1) as FakeVcpu;
  return { domid, port, cpu };
}

/** Writes an entry of a version 1 grant table. */
export function grant(
  table: Uint8Array,
  ref: number,
  domid: Domid,
  frame: number,
  flags: number = GTF_permit_access,
): void {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const entry = new GrantEntryV1(view, ref * GrantEntryV1.SIZE);
  entry.domid = domid;
  entry.frame = frame as Gfn;
  entry.flags = flags;
}
