import * as argo from '../../src/abi/argo.ts';
import type { Domid } from '../../src/abi/xen.ts';
import { PAGE_SIZE } from '../../src/cpu/engine.ts';
import { FUZZER_DOMID, VICTIM_DOMID } from './fuzz-machine.ts';
import type { SeededRandom } from './fuzz-random.ts';
import * as values from './fuzz-values.ts';

// Arguments of Argo that fit each other: no chance would hit on a ring that can be registered.

interface Patch {
  readonly address: number;
  readonly bytes: Uint8Array;
}

const PORTS = 3;
const MAX_PAGES = 3;
const MAX_BUFFERS = 4;

/** Fills in arguments 1 to 4 of an operation, and the memory behind them. */
export function possibleArgo(operation: number, args: bigint[], memory: Patch[], random: SeededRandom): void {
  for (let index = 2; index < 5; index++) args[index] = 0n;
  if (operation === argo.XEN_ARGO_OP_register_ring) register(args, memory, random);
  else if (operation === argo.XEN_ARGO_OP_unregister_ring) unregister(args, memory, random);
  else if (operation === argo.XEN_ARGO_OP_sendv) send(args, memory, random);
  else notify(args, memory, random);
}

function register(args: bigint[], memory: Patch[], random: SeededRandom): void {
  const pages = 1 + random.below(MAX_PAGES);
  args[1] = place(memory, random, argo.XenArgoRegisterRing.SIZE, (view) => {
    const ring = new argo.XenArgoRegisterRing(view, 0);
    ring.aport = random.below(PORTS);
    ring.partner_id = partner(random);
    const slots = (pages * PAGE_SIZE - argo.XenArgoRing.SIZE) / argo.XEN_ARGO_MSG_SLOT_SIZE;
    ring.len = argo.XEN_ARGO_MSG_SLOT_SIZE * (slots - random.below(slots / pages));
  });
  args[2] = place(memory, random, 8 * pages, (view) => {
    for (let page = 0; page < pages; page++) view.setBigUint64(8 * page, BigInt(random.below(0x28)), true);
  });
  args[3] = BigInt(pages);
  args[4] = BigInt(random.below(2));
}

function unregister(args: bigint[], memory: Patch[], random: SeededRandom): void {
  args[1] = place(memory, random, argo.XenArgoUnregisterRing.SIZE, (view) => {
    const ring = new argo.XenArgoUnregisterRing(view, 0);
    ring.aport = random.below(PORTS);
    ring.partner_id = partner(random);
  });
}

function send(args: bigint[], memory: Patch[], random: SeededRandom): void {
  args[1] = place(memory, random, argo.XenArgoSendAddr.SIZE, (view) => {
    const { src, dst } = new argo.XenArgoSendAddr(view, 0);
    src.aport = random.below(PORTS);
    src.domain_id = argo.XEN_ARGO_DOMID_ANY;
    dst.aport = random.below(PORTS);
    dst.domain_id = partner(random);
  });
  const buffers = random.below(MAX_BUFFERS + 1);
  args[2] = place(memory, random, argo.XenArgoIov.SIZE * buffers, (view) => {
    for (let index = 0; index < buffers; index++) {
      const buffer = new argo.XenArgoIov(view, index * argo.XenArgoIov.SIZE);
      buffer.iov_hnd = random.oneIn(4) ? values.pointer(random) : BigInt(values.ARENA_FIRST + random.below(PAGE_SIZE));
      buffer.iov_len = random.oneIn(4) ? values.count(random) : random.below(1024);
    }
  });
  args[3] = BigInt(buffers);
  args[4] = BigInt(values.small(random));
}

function notify(args: bigint[], memory: Patch[], random: SeededRandom): void {
  const entries = random.below(4);
  args[1] = place(memory, random, argo.XenArgoRingData.SIZE + entries * argo.XenArgoRingDataEnt.SIZE, (view) => {
    new argo.XenArgoRingData(view, 0).nent = entries;
    for (let index = 0; index < entries; index++) {
      const at = argo.XenArgoRingData.SIZE + index * argo.XenArgoRingDataEnt.SIZE;
      const entry = new argo.XenArgoRingDataEnt(view, at);
      entry.ring.aport = random.below(PORTS);
      entry.ring.domain_id = partner(random);
      entry.space_required = values.count(random);
    }
  });
}

function partner(random: SeededRandom): Domid {
  return (random.oneIn(6) ? values.domid(random) : random.pick([FUZZER_DOMID, VICTIM_DOMID])) as Domid;
}

function place(memory: Patch[], random: SeededRandom, size: number, fill: (view: DataView) => void): bigint {
  const bytes = new Uint8Array(size);
  fill(new DataView(bytes.buffer));
  const address = values.ARENA_FIRST + random.below(values.ARENA_BYTES - size);
  memory.push({ address, bytes });
  return BigInt(address);
}
