import { type DomainConfig, uuidText } from './domain-config.ts';

/** A node to write. Without `permissions` it takes its parent's when it is new, and keeps its own when it is not. */
export interface StoreNode {
  readonly path: string;
  readonly value: string;
  /** As the wire has them: owner first, `n0` and `r4`. */
  readonly permissions?: readonly string[];
}

/** What libxl's libxl__domain_build_state carries from building a domain to the store. */
export interface BuildState {
  readonly domid: number;
  readonly storePort: number;
  readonly storeGfn: number;
  readonly consolePort: number;
  readonly consoleGfn: number;
  readonly startTimeNs: bigint;
}

/** Removed before a domain's nodes are written, and with it: nothing of an earlier domain may show through. */
export function domainPaths(domid: number, uuid: Uint8Array): readonly string[] {
  return [
    `/local/domain/${domid}`,
    `/vm/${uuidText(uuid)}`,
    `/libxl/${domid}`,
    `/local/domain/0/backend/console/${domid}`,
  ];
}

/** Where backends' directories are; what becomes empty there with a domain is removed, as libxl does it. */
export const BACKENDS = { consoles: '/local/domain/0/backend/console', root: '/local/domain/0' } as const;

/**
 * The nodes of a new PVH or HVM domain, in the order libxl makes them (libxl__domain_make, libxl__build_post, console 0),
 * so that a listing of the store reads as one of real Xen's.
 */
export function domainStoreNodes(config: DomainConfig, state: BuildState): StoreNode[] {
  return [
    ...madeNodes(config, state),
    ...builtNodes(config, state),
    ...consoleNodes(state),
    ...channelNodes(config, state),
  ];
}

/** The nodes that tie a preserved domain to its new name and UUID. */
export function preservedNodes(config: Pick<DomainConfig, 'name' | 'uuid'>, domid: number): StoreNode[] {
  const vm = `/vm/${uuidText(config.uuid)}`;
  return [
    { path: vm, value: '', permissions: ['n0', `r${domid}`] },
    { path: `${vm}/name`, value: config.name },
    { path: `${vm}/uuid`, value: uuidText(config.uuid) },
    { path: `/local/domain/${domid}/vm`, value: vm },
    { path: `/local/domain/${domid}/name`, value: config.name },
  ];
}

/** Of libxl__device_console_add: how much output xenconsoled keeps for a console nobody reads. */
const CONSOLE_BUFFER_LIMIT = 1 << 20;
/** public/io/xenbus.h */
const XenbusStateInitialising = 1;

function madeNodes(config: DomainConfig, { domid }: BuildState): StoreNode[] {
  const { hvm } = config;
  const domain = `/local/domain/${domid}`;
  const vm = `/vm/${uuidText(config.uuid)}`;
  const libxl = `/libxl/${domid}`;

  const hidden = (path: string): StoreNode => ({ path, value: '', permissions: ['n0'] });
  const readable = (path: string): StoreNode => ({ path, value: '', permissions: ['n0', `r${domid}`] });
  const guests = (path: string): StoreNode => ({ path, value: '', permissions: [`n${domid}`] });

  const device = config.suspendEventChannelCompat
    ? [guests(`${domain}/device`)]
    : [readable(`${domain}/device`), guests(`${domain}/device/suspend/event-channel`)];

  return [
    readable(domain),
    readable(vm),
    hidden(libxl),
    hidden(`${libxl}/device`),
    { path: `${domain}/vm`, value: vm },
    { path: `${domain}/name`, value: config.name },
    { path: `${vm}/name`, value: config.name },
    readable(`${domain}/cpu`),
    readable(`${domain}/memory`),
    ...device,
    readable(`${domain}/control`),
    ...(hvm === undefined ? [] : [readable(`${domain}/hvmloader`)]),
    guests(`${domain}/control/shutdown`),
    guests(`${domain}/control/feature-poweroff`),
    guests(`${domain}/control/feature-reboot`),
    guests(`${domain}/control/feature-suspend`),
    ...(hvm === undefined ? [] : [guests(`${domain}/control/feature-s3`), guests(`${domain}/control/feature-s4`)]),
    guests(`${domain}/control/sysrq`),
    guests(`${domain}/data`),
    guests(`${domain}/drivers`),
    guests(`${domain}/feature`),
    guests(`${domain}/attr`),
    guests(`${domain}/error`),
    { path: `${vm}/uuid`, value: uuidText(config.uuid) },
    { path: `${domain}/control/platform-feature-multiprocessor-suspend`, value: '1' },
    { path: `${domain}/control/platform-feature-xs_reset_watches`, value: '1' },
    { path: `${libxl}/type`, value: hvm === undefined ? 'pvh' : 'hvm' },
    { path: `${libxl}/dm-version`, value: 'qemu_xen' },
  ];
}

function builtNodes(config: DomainConfig, state: BuildState): StoreNode[] {
  const domain = `/local/domain/${state.domid}`;
  const availability = (vcpu: number): StoreNode => ({
    path: `${domain}/cpu/${vcpu}/availability`,
    value: vcpu < config.vcpus ? 'online' : 'offline',
  });
  return [
    { path: `${domain}/memory/static-max`, value: `${config.maxMemoryKib}` },
    { path: `${domain}/memory/target`, value: `${config.memoryKib}` },
    { path: `${domain}/memory/videoram`, value: '0' },
    { path: `${domain}/domid`, value: `${state.domid}` },
    { path: `${domain}/store/port`, value: `${state.storePort}` },
    { path: `${domain}/store/ring-ref`, value: `${state.storeGfn}` },
    ...Array.from({ length: config.maxVcpus }, (_, vcpu) => availability(vcpu)),
    ...hvmNodes(config, domain),
    { path: `/vm/${uuidText(config.uuid)}/start_time`, value: secondsAndHundredths(state.startTimeNs) },
  ];
}

/** What hvmloader is told of the platform, and what libxl keeps of an HVM domain. A device model adds its own. */
function hvmNodes({ hvm, uuid }: DomainConfig, domain: string): StoreNode[] {
  if (hvm === undefined) return [];
  const vm = `/vm/${uuidText(uuid)}`;
  const flag = (name: string, value: boolean): StoreNode => ({
    path: `${domain}/platform/${name}`,
    value: value ? '1' : '0',
  });
  const { bios } = hvm;
  return [
    ...(bios === undefined ? [] : [{ path: `${domain}/hvmloader/bios`, value: bios.name }]),
    ...(bios === undefined ? [] : [{ path: `${domain}/hvmloader/allow-memory-relocate`, value: '0' }]),
    flag('acpi', hvm.acpi),
    flag('acpi_s3', hvm.acpiS3),
    flag('acpi_s4', hvm.acpiS4),
    flag('acpi_laptop_slate', hvm.acpiLaptopSlate),
    { path: `${domain}/platform/device-model`, value: 'qemu_xen' },
    { path: `${vm}/rtc/timeoffset`, value: '' },
    { path: `${vm}/image/ostype`, value: 'hvm' },
  ];
}

/** libxl__device_generic_add for console 0, whose directory is the one frontend that the guest may not write to. */
function consoleNodes(state: BuildState): StoreNode[] {
  const { domid } = state;
  const frontend = `/local/domain/${domid}/console`;
  const backend = `/local/domain/0/backend/console/${domid}/0`;
  const libxl = `/libxl/${domid}/device/console/0`;

  const readable = ['n0', `r${domid}`];
  const guests = [`n${domid}`, 'r0'];
  const backendNodes = (directory: string): StoreNode[] => [
    { path: `${directory}/frontend-id`, value: `${domid}` },
    { path: `${directory}/online`, value: '1' },
    { path: `${directory}/state`, value: `${XenbusStateInitialising}` },
    { path: `${directory}/protocol`, value: 'vt100' },
  ];

  return [
    { path: `${libxl}/frontend`, value: frontend },
    { path: `${libxl}/backend`, value: backend },
    { path: frontend, value: '', permissions: readable },
    { path: `${frontend}/backend`, value: backend },
    { path: `${frontend}/backend-id`, value: '0', permissions: guests },
    { path: `${frontend}/limit`, value: `${CONSOLE_BUFFER_LIMIT}`, permissions: readable },
    { path: `${frontend}/type`, value: 'xenconsoled', permissions: readable },
    { path: `${frontend}/output`, value: 'pty', permissions: readable },
    { path: `${frontend}/tty`, value: '', permissions: readable },
    { path: `${frontend}/port`, value: `${state.consolePort}`, permissions: readable },
    { path: `${frontend}/ring-ref`, value: `${state.consoleGfn}`, permissions: readable },
    { path: backend, value: '', permissions: readable },
    { path: `${backend}/frontend`, value: frontend },
    ...backendNodes(backend),
    ...backendNodes(libxl),
  ];
}

/** libxl__device_console_add of consoles from 1 on, whose drivers come when they like. */
function channelNodes({ channels = [] }: DomainConfig, { domid }: BuildState): StoreNode[] {
  return channels.flatMap(({ name, path }, index) => {
    const number = index + 1;
    const frontend = `/local/domain/${domid}/device/console/${number}`;
    const backend = `/local/domain/0/backend/console/${domid}/${number}`;
    const libxl = `/libxl/${domid}/device/console/${number}`;
    const readable = ['n0', `r${domid}`];
    const front = (node: string, value: string): StoreNode => ({ path: `${frontend}/${node}`, value });
    const fixed = (node: string, value: string): StoreNode => ({ ...front(node, value), permissions: readable });
    const state = `${XenbusStateInitialising}`;
    const back = { 'frontend-id': `${domid}`, online: '1', state, protocol: 'vt100', name };
    const connection = path === undefined ? { connection: 'pty' } : { connection: 'socket', path };
    const backNodes = (directory: string) =>
      Object.entries({ ...back, ...connection }).map(([node, value]) => ({ path: `${directory}/${node}`, value }));
    return [
      { path: `${libxl}/frontend`, value: frontend },
      { path: `${libxl}/backend`, value: backend },
      { path: frontend, value: '', permissions: [`n${domid}`, 'r0'] },
      front('backend', backend),
      front('backend-id', '0'),
      fixed('limit', `${CONSOLE_BUFFER_LIMIT}`),
      fixed('type', 'ioemu'),
      fixed('output', path === undefined ? 'pty' : `chardev:libxl-channel${number}`),
      fixed('tty', ''),
      fixed('name', name),
      front('state', state),
      front('protocol', 'vt100'),
      { path: backend, value: '', permissions: readable },
      { path: `${backend}/frontend`, value: frontend },
      ...backNodes(backend),
      ...backNodes(libxl),
    ];
  });
}

/** As libxl prints a start time: seconds since 1970, a dot, hundredths. */
function secondsAndHundredths(ns: bigint): string {
  const hundredths = ns / 10_000_000n;
  return `${hundredths / 100n}.${(hundredths % 100n).toString().padStart(2, '0')}`;
}
