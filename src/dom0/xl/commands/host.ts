import { onHost, printJson } from '../define-command.ts';
import { EXIT_ERROR } from '../exit-status.ts';

/**
 * `xl host`: the process that holds the machine. `start` is carried out where it is typed (machine/daemon/entry.ts),
 * the rest by the host that it is about.
 */
export const host = onHost({
  name: 'host',
  summary: 'Start, stop or look at the host that holds the domains',
  usage: 'start [-F] [--memory=MiB] [--xen=OPTIONS] | stop | status',
  options: [
    'start        Start it; without this, the first command that needs one does.',
    '  -F           Stay in the foreground, for a service manager.',
    '  --memory=MiB What all guests together may have.',
    "  --xen=OPTIONS Xen's command line: hvm_fep, sched=credit2|credit|rtds|null, maxcpus=8,",
    '                gnttab_max_frames=64, gnttab_max_maptrack_frames=1024, conring_size=16k.',
    'stop         Destroy all domains and end.',
    'status       Tell where it is and what it does.',
    'XENOLITH_HOME is its folder; several hosts run side by side in several folders.',
    "XENOLITH_CMDLINE_XEN is Xen's command line where no --xen is given, and for create -F alone.",
  ],
  requires: 1,
  json: true,
  run: async (args, running, context) => {
    switch (args.operand(0)) {
      case 'stop':
        running.stop();
        return 0;
      case 'status': {
        const guests = running.domains.list().filter(({ domid }) => domid !== 0).length;
        const { folder, pid } = running;
        const seconds = Number((running.clock.wallclockNs() - running.startedNs) / 1_000_000_000n);
        const memory = running.ctrl.physinfo();
        const freeMiB = Math.floor(memory.free_pages / 256);
        const totalMiB = Math.floor(memory.total_pages / 256);
        if (args.has('json')) printJson(context, { folder, pid, seconds, guests, freeMiB, totalMiB });
        else {
          const what = `process ${pid}, for ${seconds} s, ${guests} guests, ${freeMiB} of ${totalMiB} MiB free`;
          context.services.stdout(`a host runs at ${folder}: ${what}\n`);
        }
        return 0;
      }
      default:
        context.say(`xl host ${args.operand(0)}: expected start, stop or status`);
        return EXIT_ERROR;
    }
  },
});
