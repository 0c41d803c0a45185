import type { Command } from '../command.ts';
import { ABSENT } from './absent.ts';
import { completion } from './completion.ts';
import { configUpdate } from './config-update.ts';
import { consoleCommand, logs } from './console.ts';
import * as cpupool from './cpupool.ts';
import { cpuidShow } from './cpuid.ts';
import { create } from './create.ts';
import { events, wait } from './events.ts';
import { DEVICE_LISTS } from './device-lists.ts';
import { getenforce, loadpolicy, setenforce } from './flask.ts';
import { host } from './host.ts';
import { dmesg, info, sharing, uptime } from './info.ts';
import { destroy, pause, reboot, rename, resume, shutdown, suspend, unpause } from './lifecycle.ts';
import { claims, domidCommand, domname, list, vmList } from './list.ts';
import { memMax, memSet } from './memory.ts';
import { setParameters } from './parameters.ts';
import { schedCredit, schedCredit2 } from './sched.ts';
import { schedRtds } from './sched-rtds.ts';
import { buttonPress, debugKeys, dumpCore, sysrq, trigger } from './signals.ts';
import { xenstoreQuotaGet, xenstoreQuotaSet } from './store-quota.ts';
import { top } from './top.ts';
import { trace } from './trace.ts';
import { vcpuList, vcpuPin, vcpuSet } from './vcpu.ts';

/** All of xl's commands, those that are there first, in xl's order; then ours. */
export const COMMANDS: readonly Command[] = [
  create,
  configUpdate,
  list,
  destroy,
  shutdown,
  reboot,
  pause,
  unpause,
  consoleCommand,
  suspend,
  resume,
  dumpCore,
  memMax,
  memSet,
  buttonPress,
  vcpuList,
  vcpuPin,
  vcpuSet,
  vmList,
  info,
  sharing,
  schedCredit,
  schedCredit2,
  schedRtds,
  domidCommand,
  domname,
  rename,
  trigger,
  sysrq,
  debugKeys,
  setParameters,
  dmesg,
  top,
  uptime,
  claims,
  cpupool.cpupoolCreate,
  cpupool.cpupoolList,
  cpupool.cpupoolDestroy,
  cpupool.cpupoolRename,
  cpupool.cpupoolCpuAdd,
  cpupool.cpupoolCpuRemove,
  cpupool.cpupoolMigrate,
  cpupool.cpupoolNumaSplit,
  xenstoreQuotaGet,
  xenstoreQuotaSet,
  ...DEVICE_LISTS,
  getenforce,
  setenforce,
  loadpolicy,
  cpuidShow,
  host,
  logs,
  events,
  trace,
  wait,
  completion(() => COMMANDS),
  ...ABSENT,
];

/** What people who come from containers type. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['ps', 'list'],
  ['stats', 'top'],
  ['attach', 'console'],
  ['stop', 'shutdown'],
  ['kill', 'destroy'],
  ['rm', 'destroy'],
]);

/** Finds a command by its name, or by a beginning of it that no other command shares, or by what it is elsewhere. */
export function lookup(name: string): Command | undefined {
  const matches = COMMANDS.filter((command) => command.name.startsWith(name));
  const known = matches.find((command) => command.name === name) ?? (matches.length === 1 ? matches[0] : undefined);
  const alias = ALIASES.get(name);
  return known ?? COMMANDS.find((command) => command.name === alias);
}
