import type { StoreLimits } from '../../toolstack/domain-config.ts';
import { type Config, parseLong, type Range } from './config.ts';

const MASK: Range = { from: 0, to: 0xffffffff, example: 0x3 };

/** Reads xenstore_feature_mask and xenstore_quota; undefined where neither is set. */
export function storeLimits(config: Config): StoreLimits | undefined {
  const featureMask = config.number('xenstore_feature_mask', 'features as bits', MASK);
  const quota = quotas(config);
  if (featureMask === undefined && quota.length === 0) return undefined;
  return { ...(featureMask === undefined ? {} : { featureMask }), quota };
}

/** `name=value`, as xl has it (parse_xsquota_item); a sentence where it is none. */
export function readQuota(text: string): { readonly name: string; readonly limit: number } | string {
  const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (!text.includes('=')) return `Quota specification "${text}" lacks "=".`;
  const limit = parseLong(value);
  if (limit !== undefined && limit >= 0 && limit <= 0xffffffff) return { name, limit };
  return `Quota specification "${text}" uses illegal value "${value}".`;
}

function quotas(config: Config): StoreLimits['quota'] {
  const setting = config.get('xenstore_quota');
  if (setting === undefined) return [];
  const example = 'for example xenstore_quota = ["nodes=2000"]';
  if (setting.value.kind !== 'list') throw config.wrong(setting, 'XL_CONFIG_TYPE', `a list of quotas, ${example}`);
  return setting.value.items.map((item) => {
    const quota = item.kind === 'string' ? readQuota(item.text) : 'not a string';
    if (typeof quota !== 'string') return quota;
    throw config.wrong(setting, 'XL_CONFIG_VALUE', `quotas with their values (${quota}), ${example}`);
  });
}
