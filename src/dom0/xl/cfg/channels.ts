import type { XenolithError } from '../../../lib/errors.ts';
import type { ChannelConfig } from '../../toolstack/domain-config.ts';
import type { Config, Setting, Value } from './config.ts';

const EXAMPLE = 'for example channel = ["name=org.example.agent, connection=pty"]';

/**
 * Reads `channel`, further consoles with a name (xl.cfg(5)): comma-separated KEY=VALUE of name, connection, path and
 * backend. Throws a XenolithError where one is none.
 */
export function channels(config: Config): readonly ChannelConfig[] {
  const setting = config.get('channel');
  if (setting === undefined) return [];
  if (setting.value.kind !== 'list') throw config.wrong(setting, 'XL_CONFIG_TYPE', `a list of channels, ${EXAMPLE}`);
  return setting.value.items.map((item) => channel(config, setting, item));
}

function channel(config: Config, setting: Setting, item: Value): ChannelConfig {
  const wrong = (what: string): XenolithError => config.wrong(setting, 'XL_CONFIG_VALUE', `${what}, ${EXAMPLE}`);
  if (item.kind !== 'string') throw wrong('channels as strings');
  const words = new Map<string, string>();
  for (const word of item.text.split(',')) {
    const [, key = '', value = ''] = /^\s*([a-z]+)\s*=\s*([^="]*?)\s*$/.exec(word) ?? [];
    if (!['name', 'connection', 'path', 'backend'].includes(key)) {
      throw wrong(`KEY=VALUE of name, connection, path, backend in place of "${word.trim()}"`);
    }
    words.set(key, value);
  }
  const name = words.get('name');
  const path = words.get('path');
  const connection = words.get('connection')?.toLowerCase();
  if (name === undefined || name === '') throw wrong('a name for each channel');
  if (!['0', 'Domain-0', undefined].includes(words.get('backend'))) throw wrong('Domain-0 as the backend');
  if (connection === 'pty' && path === undefined) return { name };
  if (connection === 'socket' && path?.startsWith('/') === true) return { name, path };
  if (connection === 'socket') throw wrong('with connection=socket an absolute path, path=/run/agent');
  throw wrong('connection=pty, or connection=socket with a path');
}
