import { CompatXenDmOpBuf } from '../../src/abi/compat/dm_op.ts';
import * as dm from '../../src/abi/hvm/dm_op.ts';
import { VICTIM_DOMID } from './fuzz-machine.ts';
import type { SeededRandom } from './fuzz-random.ts';
import { fillStructure, type StructureClass } from './fuzz-structures.ts';
import * as values from './fuzz-values.ts';

// Arguments of dm_op: buffers, the first of which holds the operation and its structure.

interface Patch {
  readonly address: number;
  readonly bytes: Uint8Array;
}

const HEADER_BYTES = 8;
const ROOM = 64;
const EXTENTS = 4;

const STRUCTURES: Readonly<Record<number, StructureClass>> = {
  [dm.XEN_DMOP_modified_memory]: dm.XenDmOpModifiedMemory,
  [dm.XEN_DMOP_set_mem_type]: dm.XenDmOpSetMemType,
  [dm.XEN_DMOP_inject_event]: dm.XenDmOpInjectEvent,
  [dm.XEN_DMOP_inject_msi]: dm.XenDmOpInjectMsi,
  [dm.XEN_DMOP_remote_shutdown]: dm.XenDmOpRemoteShutdown,
  [dm.XEN_DMOP_nr_vcpus]: dm.XenDmOpNrVcpus,
};

/** Fills in the three arguments of an operation, and the memory behind them. */
export function possibleDmOp(
  operation: number,
  args: bigint[],
  memory: Patch[],
  random: SeededRandom,
  compat: boolean,
): void {
  const first = new Uint8Array(ROOM);
  const view = new DataView(first.buffer);
  view.setUint32(0, operation, true);
  if (random.oneIn(20)) view.setUint32(4, random.u32(), true);
  const structure = STRUCTURES[operation];
  if (structure !== undefined) fillStructure(structure, view, HEADER_BYTES, random);

  const extents = new Uint8Array(EXTENTS * dm.XenDmOpModifiedMemoryExtent.SIZE);
  for (let index = 0; index < EXTENTS; index++) {
    const at = index * dm.XenDmOpModifiedMemoryExtent.SIZE;
    fillStructure(dm.XenDmOpModifiedMemoryExtent, new DataView(extents.buffer), at, random);
  }

  const buffer = compat ? CompatXenDmOpBuf : dm.XenDmOpBuf;
  const list = new Uint8Array(2 * buffer.SIZE);
  [first, extents].forEach((bytes, index) => {
    const row = new buffer(new DataView(list.buffer), index * buffer.SIZE) as { h: unknown; size: unknown };
    const address = random.oneIn(10) ? values.pointer(random) : BigInt(place(memory, random, bytes));
    const size = random.oneIn(6) ? values.count(random) : bytes.length;
    row.h = compat ? Number(address & 0xffffffffn) : address;
    row.size = compat ? size >>> 0 : BigInt(size);
  });
  args[0] = BigInt(random.oneIn(3) ? values.domid(random) : VICTIM_DOMID);
  args[1] = BigInt(random.oneIn(8) ? values.small(random) : 1 + random.below(2));
  args[2] = BigInt(place(memory, random, list));
}

function place(memory: Patch[], random: SeededRandom, bytes: Uint8Array): number {
  const address = values.ARENA_FIRST + random.below(values.ARENA_BYTES - bytes.length);
  memory.push({ address, bytes });
  return address;
}
