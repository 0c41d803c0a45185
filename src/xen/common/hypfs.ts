import { EACCES, EINVAL, ENOENT, ERANGE } from '../../abi/errno.ts';
import {
  XEN_HYPFS_TYPE_BLOB,
  XEN_HYPFS_TYPE_DIR,
  XEN_HYPFS_TYPE_STRING,
  XEN_HYPFS_TYPE_UINT,
} from '../../abi/hypfs.ts';
import type { Hypervisor, Limits } from './hypervisor.ts';
import { BUILD_CONFIG, COMPILE_INFO, XEN_CHANGESET, XEN_EXTRAVERSION, XEN_VERSION } from './version.ts';

/** A node of Xen's file system (docs/misc/hypfs-paths). */
export interface HypfsNode {
  readonly name: string;
  /** XEN_HYPFS_TYPE_* */
  readonly type: number;
  /** Of a directory: its nodes, by name. */
  readonly nodes: readonly HypfsNode[];
  /** Of anything else: its bytes. */
  readonly contents: Uint8Array;
  /** 0 for what cannot be written. */
  readonly maxWriteBytes: number;
  /** Returns 0 or a negative errno. */
  readonly write: (bytes: Uint8Array) => number;
}

/** Bytes a parameter may be set to (Xen's MAX_PARAM_SIZE). */
const MAX_PARAM_BYTES = 128;
const INT_MAX = 0x7fffffff;

/** The node at an absolute path, as the tree is now; or a negative errno. */
export function findNode(xen: Hypervisor, path: string): HypfsNode | number {
  if (!path.startsWith('/')) return -EINVAL;
  let node = root(xen);
  for (const name of path.split('/').filter((part) => part !== '')) {
    const next = node.nodes.find((one) => one.name === name);
    if (next === undefined) return -ENOENT;
    node = next;
  }
  return node;
}

function root(xen: Hypervisor): HypfsNode {
  return directory('', [buildInfo(), cpupools(xen), parameters(xen)]);
}

function buildInfo(): HypfsNode {
  const { compiler, compile_by, compile_date, compile_domain } = COMPILE_INFO;
  return directory('buildinfo', [
    text('changeset', XEN_CHANGESET),
    directory('compileinfo', [
      text('compile_by', compile_by),
      text('compile_date', compile_date),
      text('compile_domain', compile_domain),
      text('compiler', compiler),
    ]),
    leaf('config', XEN_HYPFS_TYPE_BLOB, ascii(BUILD_CONFIG)),
    directory('version', [
      text('extra', XEN_EXTRAVERSION),
      number('major', XEN_VERSION >> 16),
      number('minor', XEN_VERSION & 0xffff),
    ]),
  ]);
}

/** A directory a pool; pCPUs are scheduled one by one. */
function cpupools(xen: Hypervisor): HypfsNode {
  const pools: HypfsNode[] = [];
  for (let pool = xen.cpupools.findFrom(0); pool !== undefined; pool = xen.cpupools.findFrom(pool.id + 1)) {
    pools.push(directory(String(pool.id), [text('sched-gran', 'cpu')]));
  }
  return directory('cpupool', pools);
}

/** Parameters of Xen's command line that may change while it runs: those that change something here. */
function parameters(xen: Hypervisor): HypfsNode {
  const limit = (name: string, key: keyof Limits) =>
    text(name, String(xen.limits[key]), MAX_PARAM_BYTES, (bytes) => {
      const value = parseLimit(bytes);
      if (value < 0) return value;
      xen.limits = { ...xen.limits, [key]: value };
      return 0;
    });
  return directory('params', [
    limit('gnttab_max_frames', 'maxGrantFrames'),
    limit('gnttab_max_maptrack_frames', 'maxMaptrackFrames'),
  ]);
}

function parseLimit(bytes: Uint8Array): number {
  const written = String.fromCharCode(...bytes.subarray(0, -1));
  if (!/^(0x[0-9a-f]+|[0-9]+)$/i.test(written)) return -EINVAL;
  const value = Number(written);
  return value > INT_MAX ? -ERANGE : value;
}

function directory(name: string, nodes: readonly HypfsNode[]): HypfsNode {
  return { name, type: XEN_HYPFS_TYPE_DIR, nodes, contents: new Uint8Array(0), maxWriteBytes: 0, write: refuse };
}

function leaf(name: string, type: number, contents: Uint8Array): HypfsNode {
  return { name, type, nodes: [], contents, maxWriteBytes: 0, write: refuse };
}

function text(name: string, value: string, maxWriteBytes = 0, write: HypfsNode['write'] = refuse): HypfsNode {
  return { ...leaf(name, XEN_HYPFS_TYPE_STRING, ascii(`${value}\0`)), maxWriteBytes, write };
}

function number(name: string, value: number): HypfsNode {
  return leaf(name, XEN_HYPFS_TYPE_UINT, new Uint8Array(Uint32Array.of(value).buffer));
}

function ascii(value: string): Uint8Array {
  return Uint8Array.from(value, (character) => character.charCodeAt(0));
}

function refuse(): number {
  return -EACCES;
}
