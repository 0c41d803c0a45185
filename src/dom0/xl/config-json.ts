import { type DomainConfig, type ShutdownAction, uuidText } from '../toolstack/domain-config.ts';

/**
 * A domain's configuration as libxl_domain_config_to_json has it: libxl's names, in libxl's order, without what is at
 * its default.
 */
export function configJson(config: DomainConfig): string {
  const json = {
    c_info: {
      type: 'pvh',
      name: config.name,
      uuid: uuidText(config.uuid),
      ...(config.suspendEventChannelCompat ? { xend_suspend_evtchn_compat: 'True' } : {}),
    },
    b_info: {
      max_vcpus: config.maxVcpus,
      avail_vcpus: Array.from({ length: config.vcpus }, (_, vcpu) => vcpu),
      max_memkb: config.maxMemoryKib,
      target_memkb: config.memoryKib,
      max_grant_frames: config.maxGrantFrames,
      max_maptrack_frames: config.maxMaptrackFrames,
      max_grant_version: config.maxGrantVersion,
      event_channels: config.maxEventChannels,
      kernel: config.kernel,
      ...(config.cmdline === undefined ? {} : { cmdline: config.cmdline }),
      ...(config.ramdisk === undefined ? {} : { ramdisk: config.ramdisk }),
      'type.pvh': {},
      arch_arm: {},
      arch_x86: {},
    },
    ...action('on_poweroff', config.onPoweroff),
    ...action('on_reboot', config.onReboot),
    ...action('on_watchdog', config.onWatchdog),
    ...action('on_crash', config.onCrash),
    ...action('on_soft_reset', config.onSoftReset),
  };
  return `${JSON.stringify(json, undefined, 4)}\n`;
}

/** libxl spells its actions in its own way, and leaves out destroy. */
function action(name: string, value: ShutdownAction): Record<string, string> {
  if (value === 'destroy') return {};
  return { [name]: value === 'rename-restart' ? 'restart_rename' : value.replace('-', '_') };
}
