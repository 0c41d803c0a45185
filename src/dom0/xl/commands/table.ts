import type { Command } from '../command.ts';
import { create } from './create.ts';
import { ABSENT } from './absent.ts';
import { consoleCommand, logs } from './console.ts';
import { host } from './host.ts';
import { destroy, pause, reboot, rename, shutdown, unpause } from './lifecycle.ts';
import { claims, domidCommand, domname, list, vmList } from './list.ts';

/** All of xl's commands, those that are there first. */
export const COMMANDS: readonly Command[] = [
  create,
  list,
  destroy,
  shutdown,
  reboot,
  pause,
  unpause,
  consoleCommand,
  logs,
  rename,
  domidCommand,
  domname,
  vmList,
  claims,
  host,
  ...ABSENT,
];

/** Finds a command by its name, or by a beginning of it that no other command shares. */
export function lookup(name: string): Command | undefined {
  const matches = COMMANDS.filter((command) => command.name.startsWith(name));
  return matches.find((command) => command.name === name) ?? (matches.length === 1 ? matches[0] : undefined);
}
