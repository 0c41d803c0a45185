import type { Domid } from '../../../abi/xen.ts';
import { left, right } from '../columns.ts';
import { findDomain, onHost, printJson } from '../define-command.ts';
import type { RunningHost } from '../services.ts';

/** A device as libxl finds it in the store; numbers that nobody has written are -1, as libxl says. */
interface Device {
  readonly devid: number;
  readonly domid: Domid;
  readonly backendDomid: number;
  readonly backendPath: string;
  /** A number of the frontend's. */
  frontend(name: string): Promise<number>;
  /** Text of the frontend's. */
  frontendText(name: string): Promise<string>;
  /** Text of the backend's. */
  backend(name: string): Promise<string>;
}

/** How devices of a kind are listed, as tools/xl prints them. */
interface DeviceList {
  readonly name: string;
  readonly summary: string;
  /** The directory in /libxl/N/device. */
  readonly kind: string;
  /** Printed even where no device is; empty for kinds without. */
  readonly head: string;
  /** Which of the kind it is about, where not all. */
  readonly only?: (devid: number) => boolean;
  /** More than one domain may be named. */
  readonly several: boolean;
  row(device: Device): Promise<string>;
}

const LISTS: readonly DeviceList[] = [
  {
    name: 'network-list',
    summary: 'List virtual network interfaces for a domain',
    kind: 'vif',
    head: 'Idx BE Mac Addr.         handle state evt-ch   tx-/rx-ring-ref BE-path                       ',
    several: true,
    row: async (device) => {
      const { devid, backendDomid, backendPath } = device;
      const ids = `${left(devid, 3)} ${left(backendDomid, 2)} ${await device.backend('mac')}`;
      const rings = `${right(await device.frontend('tx-ring-ref'), 5)}/${left(await device.frontend('rx-ring-ref'), 11)}`;
      return `${ids}${right(devid, 6)} ${await stateAndChannel(device)} ${rings} ${left(backendPath, 30)}`;
    },
  },
  {
    name: 'channel-list',
    summary: 'List virtual channel devices for a domain',
    kind: 'console',
    head: `Idx BE state evt-ch ring-ref ${left('connection', 41)}`,
    only: (devid) => devid > 0,
    several: true,
    row: async (device) => {
      const { devid, backendDomid } = device;
      const state = left(await device.frontend('state'), 5);
      const channel = `${left(await device.frontend('port'), 6)} ${left(await device.frontend('ring-ref'), 8)}`;
      const connection = await device.backend('connection');
      const place = await (connection === 'pty' ? device.frontendText('tty') : device.backend('path'));
      return `${left(devid, 3)} ${left(backendDomid, 2)} ${state} ${channel} ${left(connection, 10)} ${left(place, 30)} `;
    },
  },
  {
    name: 'block-list',
    summary: 'List virtual block devices for a domain',
    kind: 'vbd',
    head: 'Vdev  BE  handle state evt-ch ring-ref BE-path                       ',
    several: true,
    row: async (device) => {
      const { devid, domid, backendDomid, backendPath } = device;
      const ids = `${left(devid, 5)} ${left(backendDomid, 3)} ${left(domid, 6)} ${left(await device.frontend('state'), 5)}`;
      const ring = `${left(await device.frontend('event-channel'), 6)} ${left(await device.frontend('ring-ref'), 8)}`;
      return `${ids} ${ring} ${left(backendPath, 30)}`;
    },
  },
  {
    name: 'vtpm-list',
    summary: 'List virtual TPM devices for a domain',
    kind: 'vtpm',
    head: 'Idx BE Uuid                                 handle state evt-ch ring-ref BE-path   ',
    several: true,
    row: async (device) => {
      const { devid, backendDomid, backendPath } = device;
      const ids = `${left(devid, 3)} ${left(backendDomid, 2)} ${left(await device.backend('uuid'), 36)} ${right(devid, 6)}`;
      const ring = right(await device.frontend('ring-ref'), 8);
      return `${ids} ${await stateAndChannel(device)} ${ring} ${left(backendPath, 30)}`;
    },
  },
  {
    name: 'vkb-list',
    summary: 'List virtual keyboard devices for a domain',
    kind: 'vkbd',
    head: 'Idx BE handle state evt-ch    ref ID         BE-type    BE-path                       ',
    several: true,
    row: async (device) => {
      const { devid, backendDomid, backendPath } = device;
      const ids = `${left(devid, 3)} ${left(backendDomid, 2)} ${right(devid, 6)} ${await stateAndChannel(device)}`;
      const what = `${left(await device.backend('unique-id'), 10)} ${left(await device.backend('backend-type'), 10)}`;
      return `${ids} ${right(await device.frontend('page-gref'), 6)} ${what} ${left(backendPath, 30)}`;
    },
  },
  { ...onlyDevices('vdispl-list', 'List virtual display devices for a domain', 'vdispl'), several: true },
  { ...onlyDevices('vsnd-list', 'List virtual sound devices for a domain', 'vsnd'), several: true },
  onlyDevices('usb-list', 'List information about all USB controllers and devices for a domain', 'qusb'),
  onlyDevices('pci-list', 'List pass-through pci devices for a domain', 'pci'),
];

/** The families' listings, which are true of guests without such devices as well. */
export const DEVICE_LISTS = LISTS.map((list) =>
  onHost({
    name: list.name,
    summary: list.summary,
    usage: list.several ? '<Domain(s)>' : '<Domain>',
    requires: 1,
    json: true,
    run: async (args, host, context) => {
      const rows: string[] = [];
      const json: object[] = [];
      for (const name of list.several ? args.operands : args.operands.slice(0, 1)) {
        for (const device of await devicesOf(host, await findDomain(host, name), list)) {
          const { domid, devid, backendDomid, backendPath } = device;
          rows.push(`${await list.row(device)}\n`);
          json.push({ domid, devid, backendDomid, backendPath, state: await device.frontend('state') });
        }
      }
      if (args.has('json')) printJson(context, json);
      else context.services.stdout(`${list.head === '' ? '' : `${list.head}\n`}${rows.join('')}`);
      return 0;
    },
  }),
);

/** A kind of which xl prints a line with names for each device, and nothing where there is none. */
function onlyDevices(name: string, summary: string, kind: string): DeviceList {
  return {
    name,
    summary,
    kind,
    head: '',
    several: false,
    row: async (device) => {
      const { devid, backendDomid, backendPath } = device;
      return `DevId: ${devid}, BE: ${backendDomid}, state: ${await device.frontend('state')}, BE-path: ${backendPath}`;
    },
  };
}

async function stateAndChannel(device: Device): Promise<string> {
  return `${right(await device.frontend('state'), 5)} ${right(await device.frontend('event-channel'), 6)}`;
}

async function devicesOf(host: RunningHost, domid: Domid, { kind, only }: DeviceList): Promise<Device[]> {
  const { store } = host;
  const root = `/libxl/${domid}/device/${kind}`;
  const devices: Device[] = [];
  for (const id of (await store.directory(root)) ?? []) {
    const devid = Number(id);
    const backendPath = await store.read(`${root}/${id}/backend`);
    const frontendPath = await store.read(`${root}/${id}/frontend`);
    if (backendPath === undefined || frontendPath === undefined || only?.(devid) === false) continue;
    devices.push({
      devid,
      domid,
      backendPath,
      backendDomid: Number(/^\/local\/domain\/([0-9]+)\//.exec(backendPath)?.[1] ?? -1),
      frontend: async (name) => numberOf(await store.read(`${frontendPath}/${name}`)),
      frontendText: async (name) => (await store.read(`${frontendPath}/${name}`)) ?? '',
      backend: async (name) => (await store.read(`${backendPath}/${name}`)) ?? '',
    });
  }
  return devices.toSorted((a, b) => a.devid - b.devid);
}

function numberOf(text: string | undefined): number {
  return text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : -1;
}
