import type { Command } from '../src/dom0/xl/command.ts';
import { COMMANDS } from '../src/dom0/xl/commands/table.ts';

const HEAD = `# xl

Printed from the table of commands (\`src/dom0/xl/commands/\`) by \`tools/xl-page.ts\`; do not edit. \`xl help COMMAND\`
prints the same for one of them.

    xl [-v] [-f] [-N] [-t] [-T] COMMAND [options] [arguments]

| option | |
| --- | --- |
| -v | say more; \`-vvv\` shows where an internal error came about |
| -f | taken, for scripts: nothing here wants to be forced |
| -N | a dry run, where the command knows what that is |
| -t | taken, for scripts: progress is lines anyway |
| -T | put the time in front of each line of standard error |

A domain is named by its name or its number. A command may be cut short as long as no other begins like it;
ps, stats, attach, stop, kill and rm are list, top, console, shutdown, destroy and destroy. Exit
statuses: 0 is all right, 1 went wrong, 2 was not understood; \`create -F\` and \`wait\` tell how the domain ended
(README.md has the table), 124 that time ran out.

\`xl host\` starts, stops and describes the process that holds the domains, which otherwise starts with the first command
that needs it. Its folder is \`XENOLITH_HOME\`, or \`xenolith\` in \`$XDG_RUNTIME_DIR\`, or \`/tmp/xenolith-UID\`; each folder
has a host of its own. \`create -F\` alone makes a machine of its own, unless \`XENOLITH_HOME\` names a host. In the folder
are \`xl.socket\`, \`host.log\`, \`xenstored/socket\` for XenStore's clients (\`XENSTORED_PATH\`), and \`console/N\`, a
socket that is the console of domain N: \`socat -,rawer UNIX-CONNECT:$XENOLITH_HOME/console/N\`. It is a terminal as well,
as of a real dom0: \`screen $(xenstore-read /local/domain/N/console/tty)\`.
`;

/** docs/xl.md: what a manual page would say. */
export function printXl(): string {
  const there = COMMANDS.filter(({ absent }) => absent === undefined);
  const absent = COMMANDS.filter((command) => command.absent !== undefined);
  return [HEAD, '## Commands\n', ...there.map(section), '## Known, and doing nothing here\n', ...reasons(absent)].join(
    '\n',
  );
}

function section({ name, usage, summary, options }: Command): string {
  const lines = [`### ${name}\n`, `    xl ${`${name} ${usage}`.trimEnd()}\n`, `${summary}.\n`];
  if (options.length > 0) lines.push('```', ...options, '```\n');
  return lines.join('\n');
}

function reasons(commands: readonly Command[]): string[] {
  const byReason = new Map<string, string[]>();
  for (const { name, absent = '' } of commands) byReason.set(absent, [...(byReason.get(absent) ?? []), name]);
  const rows = [...byReason].map(([why, names]) => `| ${names.join(', ')} | ${why} |`);
  return ['| commands | why |\n| --- | --- |', ...rows, ''];
}
