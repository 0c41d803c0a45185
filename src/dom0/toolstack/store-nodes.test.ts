import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { DomainConfig } from './domain-config.ts';
import { parseUuid } from './domain-config.ts';
import { domainStoreNodes } from './store-nodes.ts';

const config: DomainConfig = {
  name: 'lpvh',
  uuid: parseUuid('84b6c97a-d3cb-4428-a34d-5d4c5fadc36f') ?? new Uint8Array(16),
  kernel: '/lab/vmlinuz',
  ramdisk: '/lab/initrd.gz',
  cmdline: 'console=hvc0',
  memoryKib: 163840,
  maxMemoryKib: 204800,
  vcpus: 1,
  maxVcpus: 2,
  maxEventChannels: 1023,
  maxGrantFrames: 64,
  maxMaptrackFrames: 1024,
  maxGrantVersion: 2,
  suspendEventChannelCompat: false,
  onPoweroff: 'destroy',
  onReboot: 'restart',
  onWatchdog: 'destroy',
  onCrash: 'destroy',
  onSoftReset: 'soft-reset',
};

const state = {
  domid: 4,
  storePort: 1,
  storeGfn: 1044476,
  consolePort: 2,
  consoleGfn: 1044479,
  startTimeNs: 1_795_230_121_287_654_321n,
};

// xenstore-ls -fp of a paused PVH domain on real Xen 4.17.7, less its disk, its network card and what is dom0's own,
// and before xenconsoled has put its terminal into console/tty.
const REAL_XEN = `
/local/domain/0/backend/console/4/0 = ""   (n0,r4)
/local/domain/0/backend/console/4/0/frontend = "/local/domain/4/console"   (n0,r4)
/local/domain/0/backend/console/4/0/frontend-id = "4"   (n0,r4)
/local/domain/0/backend/console/4/0/online = "1"   (n0,r4)
/local/domain/0/backend/console/4/0/state = "1"   (n0,r4)
/local/domain/0/backend/console/4/0/protocol = "vt100"   (n0,r4)
/local/domain/4 = ""   (n0,r4)
/local/domain/4/vm = "/vm/84b6c97a-d3cb-4428-a34d-5d4c5fadc36f"   (n0,r4)
/local/domain/4/name = "lpvh"   (n0,r4)
/local/domain/4/cpu = ""   (n0,r4)
/local/domain/4/cpu/0 = ""   (n0,r4)
/local/domain/4/cpu/0/availability = "online"   (n0,r4)
/local/domain/4/cpu/1 = ""   (n0,r4)
/local/domain/4/cpu/1/availability = "offline"   (n0,r4)
/local/domain/4/memory = ""   (n0,r4)
/local/domain/4/memory/static-max = "204800"   (n0,r4)
/local/domain/4/memory/target = "163840"   (n0,r4)
/local/domain/4/memory/videoram = "0"   (n0,r4)
/local/domain/4/device = ""   (n0,r4)
/local/domain/4/device/suspend = ""   (n0,r4)
/local/domain/4/device/suspend/event-channel = ""   (n4)
/local/domain/4/control = ""   (n0,r4)
/local/domain/4/control/shutdown = ""   (n4)
/local/domain/4/control/feature-poweroff = ""   (n4)
/local/domain/4/control/feature-reboot = ""   (n4)
/local/domain/4/control/feature-suspend = ""   (n4)
/local/domain/4/control/sysrq = ""   (n4)
/local/domain/4/control/platform-feature-multiprocessor-suspend = "1"   (n0,r4)
/local/domain/4/control/platform-feature-xs_reset_watches = "1"   (n0,r4)
/local/domain/4/data = ""   (n4)
/local/domain/4/drivers = ""   (n4)
/local/domain/4/feature = ""   (n4)
/local/domain/4/attr = ""   (n4)
/local/domain/4/error = ""   (n4)
/local/domain/4/domid = "4"   (n0,r4)
/local/domain/4/store = ""   (n0,r4)
/local/domain/4/store/port = "1"   (n0,r4)
/local/domain/4/store/ring-ref = "1044476"   (n0,r4)
/local/domain/4/console = ""   (n0,r4)
/local/domain/4/console/backend = "/local/domain/0/backend/console/4/0"   (n0,r4)
/local/domain/4/console/backend-id = "0"   (n4,r0)
/local/domain/4/console/limit = "1048576"   (n0,r4)
/local/domain/4/console/type = "xenconsoled"   (n0,r4)
/local/domain/4/console/output = "pty"   (n0,r4)
/local/domain/4/console/tty = ""   (n0,r4)
/local/domain/4/console/port = "2"   (n0,r4)
/local/domain/4/console/ring-ref = "1044479"   (n0,r4)
/vm/84b6c97a-d3cb-4428-a34d-5d4c5fadc36f = ""   (n0,r4)
/vm/84b6c97a-d3cb-4428-a34d-5d4c5fadc36f/name = "lpvh"   (n0,r4)
/vm/84b6c97a-d3cb-4428-a34d-5d4c5fadc36f/uuid = "84b6c97a-d3cb-4428-a34d-5d4c5fadc36f"   (n0,r4)
/vm/84b6c97a-d3cb-4428-a34d-5d4c5fadc36f/start_time = "1795230121.28"   (n0,r4)
/libxl/4 = ""   (n0)
/libxl/4/device = ""   (n0)
/libxl/4/device/console = ""   (n0)
/libxl/4/device/console/0 = ""   (n0)
/libxl/4/device/console/0/frontend = "/local/domain/4/console"   (n0)
/libxl/4/device/console/0/backend = "/local/domain/0/backend/console/4/0"   (n0)
/libxl/4/device/console/0/frontend-id = "4"   (n0)
/libxl/4/device/console/0/online = "1"   (n0)
/libxl/4/device/console/0/state = "1"   (n0)
/libxl/4/device/console/0/protocol = "vt100"   (n0)
/libxl/4/type = "pvh"   (n0)
/libxl/4/dm-version = "qemu_xen"   (n0)
`;

test("a PVH domain's nodes are real Xen's: paths, values, permissions, and the order within a directory", () => {
  deepEqual(list(domainStoreNodes(config, state)), REAL_XEN.trim().split('\n').toSorted(asListed));
});

// What the same of an HVM domain has more, less what its device model and its devices add.
const HVM_HAS_MORE = `
/local/domain/4/control/feature-s3 = ""   (n4)
/local/domain/4/control/feature-s4 = ""   (n4)
/local/domain/4/hvmloader = ""   (n0,r4)
/local/domain/4/platform = ""   (n0,r4)
/local/domain/4/platform/acpi = "1"   (n0,r4)
/local/domain/4/platform/acpi_s3 = "1"   (n0,r4)
/local/domain/4/platform/acpi_s4 = "1"   (n0,r4)
/local/domain/4/platform/acpi_laptop_slate = "0"   (n0,r4)
/local/domain/4/platform/device-model = "qemu_xen"   (n0,r4)
/vm/84b6c97a-d3cb-4428-a34d-5d4c5fadc36f/rtc = ""   (n0,r4)
/vm/84b6c97a-d3cb-4428-a34d-5d4c5fadc36f/rtc/timeoffset = ""   (n0,r4)
/vm/84b6c97a-d3cb-4428-a34d-5d4c5fadc36f/image = ""   (n0,r4)
/vm/84b6c97a-d3cb-4428-a34d-5d4c5fadc36f/image/ostype = "hvm"   (n0,r4)
/libxl/4/type = "hvm"   (n0)
`;

test("an HVM domain's nodes are real Xen's, less those of a device model", () => {
  const hvm = { viridian: 0, hpet: true, acpi: true, acpiS3: true, acpiS4: true, acpiLaptopSlate: false };
  const pvh = list(domainStoreNodes(config, state));
  const more = list(domainStoreNodes({ ...config, hvm }, state)).filter((line) => !pvh.includes(line));
  deepEqual(more.toSorted(), HVM_HAS_MORE.trim().split('\n').toSorted());
});

test('under xend_suspend_evtchn_compat the guest owns its device directory', () => {
  const lines = list(domainStoreNodes({ ...config, suspendEventChannelCompat: true }, state));
  deepEqual(
    lines.filter((line) => line.includes('/device') && line.startsWith('/local')),
    ['/local/domain/4/device = ""   (n4)'],
  );
});

interface Written {
  value: string;
  permissions: readonly string[];
}

/** What xenstored would hold: parents made on the way, a new node with its parent's permissions. */
function list(nodes: readonly { path: string; value: string; permissions?: readonly string[] }[]): string[] {
  const tree = new Map<string, Written>([['', { value: '', permissions: ['n0'] }]]);
  for (const { path, value, permissions } of nodes) {
    const parts = path.split('/');
    for (let length = 2; length <= parts.length; length++) {
      const parent = tree.get(parts.slice(0, length - 1).join('/'));
      const at = parts.slice(0, length).join('/');
      if (!tree.has(at)) tree.set(at, { value: '', permissions: parent?.permissions ?? [] });
    }
    tree.set(path, { value, permissions: permissions ?? tree.get(path)?.permissions ?? [] });
  }
  const own = [...tree].filter(([path]) => /^\/(local\/domain\/4|vm\/|libxl\/4|.*\/console\/4\/0)/.test(path));
  return own.map(([path, node]) => `${path} = "${node.value}"   (${node.permissions.join(',')})`).toSorted(asListed);
}

/** Directories apart, each node's own order kept, since sorting is stable. */
function asListed(a: string, b: string): number {
  const directory = (line: string) => line.slice(0, line.split(' ')[0]?.lastIndexOf('/') ?? 0);
  return directory(a) < directory(b) ? -1 : Number(directory(a) > directory(b));
}
