import type { Command } from '../command.ts';
import { EXIT_ERROR } from '../exit-status.ts';

/**
 * The commands of xl that are not there yet, by what they wait for. They are known, so that abbreviations mean what
 * they mean on real Xen, and each says why it does nothing.
 */
export const ABSENT: readonly Command[] = [
  ...waiting(
    'it needs a host that outlives the command that started it; only `xl create -F` runs a domain, in the foreground',
    ['config-update', 'uptime', 'info', 'dmesg', 'top', 'debug-keys', 'set-parameters', 'sharing'],
    ['mem-max', 'mem-set', 'vcpu-list', 'vcpu-pin', 'vcpu-set', 'trigger', 'sysrq', 'button-press', 'devd'],
    ['sched-credit', 'sched-credit2', 'sched-rtds', 'cpupool-create', 'cpupool-list', 'cpupool-destroy'],
    ['cpupool-rename', 'cpupool-cpu-add', 'cpupool-cpu-remove', 'cpupool-migrate', 'cpupool-numa-split'],
    ['xenstore-quota-get', 'xenstore-quota-set'],
  ),
  ...waiting('domains cannot be saved or moved yet', [
    'save',
    'restore',
    'migrate',
    'migrate-receive',
    'remus',
    'suspend',
    'resume',
    'dump-core',
  ]),
  ...waiting(
    'domains have no such devices yet',
    ['block-attach', 'block-list', 'block-detach', 'cd-insert', 'cd-eject', 'channel-list', 'vncviewer'],
    ['network-attach', 'network-list', 'network-detach', 'vtpm-attach', 'vtpm-list', 'vtpm-detach'],
    ['vkb-attach', 'vkb-list', 'vkb-detach', 'vdispl-attach', 'vdispl-list', 'vdispl-detach'],
    ['vsnd-attach', 'vsnd-list', 'vsnd-detach', 'usbctrl-attach', 'usbctrl-detach', 'usbdev-attach'],
    ['usbdev-detach', 'usb-list', 'pci-attach', 'pci-detach', 'pci-list', 'qemu-monitor-command'],
    ['pci-assignable-add', 'pci-assignable-remove', 'pci-assignable-list'],
  ),
  ...waiting(
    'this machine has no such feature',
    ['getenforce', 'setenforce', 'loadpolicy', 'dt-overlay', 'psr-hwinfo', 'psr-cmt-attach', 'psr-cmt-detach'],
    ['psr-cmt-show', 'psr-cat-set', 'psr-cat-show', 'psr-mba-set', 'psr-mba-show'],
  ),
];

function waiting(why: string, ...names: readonly (readonly string[])[]): Command[] {
  return names.flat().map((name) => ({
    name,
    summary: `Not there yet: ${why}`,
    usage: '',
    absent: why,
    options: [],
    modifies: false,
    canDryRun: true,
    run: async (_, context) => {
      context.say(`xl ${name} is not there yet: ${why}.`);
      return EXIT_ERROR;
    },
  }));
}
