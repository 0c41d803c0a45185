import type { Command } from '../command.ts';
import { EXIT_ERROR } from '../exit-status.ts';

/**
 * The commands of xl that do nothing here, by the reason. They are known, so that abbreviations mean what they mean on
 * real Xen, and each says why it does nothing.
 */
export const ABSENT: readonly Command[] = [
  ...because('domains cannot be saved or moved yet', ['save', 'restore', 'migrate', 'migrate-receive', 'remus']),
  ...because('guests have no disks yet', ['block-attach', 'block-detach', 'cd-insert', 'cd-eject']),
  ...because('guests have no network yet', ['network-attach', 'network-detach']),
  ...because(
    'guests have no such devices yet',
    ['vncviewer', 'vtpm-attach', 'vtpm-detach'],
    ['vkb-attach', 'vkb-detach', 'vdispl-attach', 'vdispl-detach'],
    ['vsnd-attach', 'vsnd-detach', '9pfs-attach', '9pfs-list', '9pfs-detach'],
    ['usbctrl-attach', 'usbctrl-detach', 'usbdev-attach', 'usbdev-detach'],
  ),
  ...because('there is no device model', ['qemu-monitor-command']),
  ...because(
    'this host has no devices to give away',
    ['pci-attach', 'pci-detach'],
    ['pci-assignable-add', 'pci-assignable-remove', 'pci-assignable-list'],
  ),
  ...because(
    'this processor shares no such resources',
    ['psr-hwinfo', 'psr-cmt-attach', 'psr-cmt-detach', 'psr-cmt-show', 'psr-cat-set', 'psr-cat-show'],
    ['psr-mba-set', 'psr-mba-show'],
  ),
  ...because('only Arm hosts have it', ['dt-overlay']),
  ...because('the host attends to devices itself', ['devd']),
];

function because(why: string, ...names: readonly (readonly string[])[]): Command[] {
  return names.flat().map((name) => ({
    name,
    summary: `Does nothing here: ${why}`,
    usage: '',
    absent: why,
    options: [],
    modifies: false,
    canDryRun: true,
    run: async (_, context) => {
      context.say(`xl ${name}: ${why}.`);
      return EXIT_ERROR;
    },
  }));
}
