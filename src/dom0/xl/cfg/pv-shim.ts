import type { PvShimConfig } from '../../toolstack/domain-config.ts';
import type { Config, Range } from './config.ts';

/**
 * Reads what runs a PV kernel inside of a PVH domain: pvshim and its neighbours; undefined where it is not asked for.
 * `warn` hears of what goes without effect then, as xl.cfg(5) has it.
 */
export function pvShim(config: Config, warn: (line: string) => void): PvShimConfig | undefined {
  const wanted = (config.number('pvshim', '0 or 1', BOOLEAN) ?? 0) !== 0;
  const path = config.string('pvshim_path', EXAMPLE_PATH);
  const cmdline = config.string('pvshim_cmdline', DEFAULT_CMDLINE);
  const extra = config.string('pvshim_extra', 'loglvl=all');
  const pathSetting = config.get('pvshim_path');
  if (pathSetting !== undefined && path === '' && wanted) {
    throw config.wrong(pathSetting, 'XL_CONFIG_VALUE', `something, for example pvshim_path = "${EXAMPLE_PATH}"`);
  }
  if (!wanted) {
    for (const name of ['pvshim_path', 'pvshim_cmdline', 'pvshim_extra']) {
      const setting = config.get(name);
      if (setting !== undefined) warn(`${config.where(setting)}: warning: ${name} has no effect without pvshim = 1`);
    }
    return undefined;
  }
  return {
    ...(path === undefined ? {} : { path }),
    cmdline: cmdline ?? DEFAULT_CMDLINE,
    ...(extra === undefined ? {} : { extra }),
  };
}

/**
 * Where a shim is looked for that no pvshim_path names: Xen's firmware folder as its configure and distributions set it
 * (XENFIRMWAREDIR, m4/paths.m4); Debian's has the version in it.
 */
export const SHIM_PLACES: readonly string[] = [
  '/usr/local/lib/xen/boot/xen-shim',
  '/usr/lib/xen/boot/xen-shim',
  '/usr/libexec/xen/boot/xen-shim',
  ...['4.21', '4.20', '4.19', '4.18', '4.17', '4.16', '4.14', '4.11'].map((v) => `/usr/lib/xen-${v}/boot/xen-shim`),
];

/** For messages: where Debian 12 installs it. */
export const EXAMPLE_PATH = '/usr/lib/xen-4.17/boot/xen-shim';

const BOOLEAN: Range = { from: 0, to: 1, example: 1 };
/** libxl's PVSHIM_CMDLINE */
const DEFAULT_CMDLINE = 'pv-shim console=xen,pv';
