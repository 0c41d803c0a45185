import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { EINVAL, ENOMEM, EPERM } from '../../abi/errno.ts';
import * as abi from '../../abi/sysctl-topology.ts';
import { XEN_SYSCTL_INTERFACE_VERSION, XEN_SYSCTL_page_offline_op, XenSysctl } from '../../abi/sysctl.ts';
import { __HYPERVISOR_sysctl } from '../../abi/xen.ts';
import { ENGINE_RESERVED_BYTES, PAGE_SIZE } from '../../cpu/engine.ts';
import { TestMachine } from '../testing/test-machine.ts';
import { removePage } from '../x86/mm/physmap.ts';

const { sysctl_page_offline: OFFLINE, sysctl_page_online: ONLINE, sysctl_query_page_offline: QUERY } = abi;
const STATUS_AT = 0x3000;
const FIRST = ENGINE_RESERVED_BYTES / PAGE_SIZE;

function setUp() {
  const machine = new TestMachine();
  const control = machine.domain({ privileged: true });
  /** [what it returns, the status of each frame] */
  const ask = (cmd: number, start: number, end: number = start): [number, ...number[]] => {
    const { result } = control.withStructure(
      XenSysctl,
      (header) => {
        header.cmd = XEN_SYSCTL_page_offline_op;
        header.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
        const argument = new abi.XenSysctlPageOfflineOp(control.view(0x1000), XenSysctl.AT_u);
        argument.cmd = cmd;
        argument.start = start;
        argument.end = end;
        argument.status = BigInt(STATUS_AT);
      },
      (at) => control.hypercall(__HYPERVISOR_sysctl, [at]),
    );
    const view = control.view(STATUS_AT);
    return [
      result,
      ...Array.from({ length: Math.min(16, end - start + 1) }, (_, index) => view.getUint32(index * 4, true)),
    ];
  };
  return { machine, control, ask, frames: machine.xen.frames };
}

test('a free frame goes out of use at once, is handed to nobody, and comes back', () => {
  const { machine, ask, frames } = setUp();
  const before = frames.free;
  const free = Array.from({ length: 600 }, (_, index) => machine.xen.memory.frameCount - 1 - index).find(
    (mfn) => !frames.valid(mfn),
  );
  ok(free !== undefined);
  deepEqual(ask(OFFLINE, free), [0, abi.PG_OFFLINE_OFFLINED]);
  deepEqual(ask(OFFLINE, free), [0, abi.PG_OFFLINE_OFFLINED], 'again is nothing');
  deepEqual(ask(QUERY, free), [0, abi.PG_OFFLINE_STATUS_OFFLINED]);
  equal(frames.free, before - 1);
  const taken = new Set<number>();
  const hog = machine.domain({ pages: 0 }).domain;
  hog.maxPages = 2 ** 20;
  for (let mfn = frames.allocate(hog, 0); mfn !== 0; mfn = frames.allocate(hog, 0)) taken.add(mfn);
  equal(frames.free, 0);
  equal(taken.has(free), false);
  hog.kill();
  deepEqual(ask(ONLINE, free), [0, abi.PG_ONLINE_ONLINED]);
  deepEqual(ask(ONLINE, free), [0, 0], 'nothing to undo');
  deepEqual(ask(QUERY, free), [0, 0]);
  equal(frames.free, before);
});

test('a domain keeps its frame, which goes out of use when it lets go of it', () => {
  const { machine, ask, frames } = setUp();
  const { domain } = machine.domain();
  const mfn = domain.p2m?.mfn(5) ?? 0;
  const owned = abi.PG_OFFLINE_OWNED | abi.PG_OFFLINE_PENDING | (domain.id << abi.PG_OFFLINE_OWNER_SHIFT);
  deepEqual(ask(OFFLINE, mfn), [0, owned]);
  deepEqual(ask(QUERY, mfn), [0, abi.PG_OFFLINE_STATUS_OFFLINE_PENDING]);
  const before = frames.free;
  equal(removePage(domain, 5), 0);
  equal(frames.free, before);
  deepEqual(ask(QUERY, mfn), [0, abi.PG_OFFLINE_STATUS_OFFLINED]);
  deepEqual(ask(ONLINE, mfn), [0, abi.PG_ONLINE_ONLINED]);
  equal(frames.free, before + 1);
});

test('a frame that comes back before its domain let go of it stays the domain’s', () => {
  const { machine, ask, frames } = setUp();
  const { domain } = machine.domain();
  const mfn = domain.p2m?.mfn(5) ?? 0;
  ask(OFFLINE, mfn);
  deepEqual(ask(ONLINE, mfn), [0, abi.PG_ONLINE_ONLINED]);
  const before = frames.free;
  equal(removePage(domain, 5), 0);
  equal(frames.free, before + 1);
});

test('the engine’s frames, and none at all, end a range with the status of those before', () => {
  const { ask, machine } = setUp();
  const { frameCount } = machine.xen.memory;
  const [result, ...status] = ask(OFFLINE, FIRST - 2, FIRST + 1);
  equal(result, -EPERM);
  ok(((status[0] ?? 0) & abi.PG_OFFLINE_XENPAGE) !== 0);
  deepEqual(status.slice(1), [1, 1, 1], 'the rest is invalid');
  deepEqual(ask(QUERY, frameCount), [-EINVAL, abi.PG_OFFLINE_INVALID]);
  deepEqual(ask(QUERY, FIRST - 1), [-EINVAL, abi.PG_OFFLINE_INVALID]);
  deepEqual(ask(9, FIRST), [-EINVAL, abi.PG_OFFLINE_INVALID]);
  equal(ask(QUERY, 5, 4)[0], -EINVAL, 'backwards');
  equal(ask(QUERY, 0, 0xffffffff)[0], -ENOMEM, 'more than there is');
});
