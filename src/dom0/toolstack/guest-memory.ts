import { gfn } from '../../abi/xen.ts';
import type { Domid, Gfn } from '../../abi/xen.ts';
import type { Ctrl } from '../../libs/ctrl/ctrl.ts';
import type { ForeignMemory } from '../../libs/foreignmemory/foreignmemory.ts';

export const PAGE_SIZE = 4096;

/** `count` frames from `gfn` on. */
export interface FrameRange {
  readonly gfn: number;
  readonly count: number;
}

/** Gives a domain memory at `ranges`, in extents of 2 MiB where they fit. `memFlags` are XENMEMF_*. */
export function populate(ctrl: Ctrl, domid: Domid, ranges: readonly FrameRange[], memFlags = 0): void {
  for (const { gfn: from, count } of ranges) {
    const to = from + count;
    const firstBig = Math.min(to, Math.ceil(from / SUPERPAGE) * SUPERPAGE);
    const endBig = Math.max(firstBig, Math.floor(to / SUPERPAGE) * SUPERPAGE);
    populateExtents(ctrl, domid, from, firstBig, 0, memFlags);
    populateExtents(ctrl, domid, firstBig, endBig, SUPERPAGE_ORDER, memFlags);
    populateExtents(ctrl, domid, endBig, to, 0, memFlags);
  }
}

const SUPERPAGE_ORDER = 9;
const SUPERPAGE = 1 << SUPERPAGE_ORDER;
/** Extents a call, so that the list fits a hypercall buffer of one page. */
const EXTENTS_A_CALL = 512;

/** Frames [from, to), of which both are multiples of 2^order. */
function populateExtents(ctrl: Ctrl, domid: Domid, from: number, to: number, order: number, memFlags: number): void {
  const step = 1 << order;
  for (let first = from; first < to; first += EXTENTS_A_CALL * step) {
    const end = Math.min(to, first + EXTENTS_A_CALL * step);
    const extents: Gfn[] = [];
    for (let frame = first; frame < end; frame += step) extents.push(gfn(frame));
    ctrl.domain_populate_physmap_exact(domid, extents, order, memFlags);
  }
}

/** Frames mapped at a time. */
const MAPPED_FRAMES = 256;

/** Copies bytes into a domain's memory, from a guest physical address on. */
export function copyToGuest(memory: ForeignMemory, domid: Domid, address: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.length) {
    const at = address + done;
    const offset = at % PAGE_SIZE;
    const size = Math.min(bytes.length - done, MAPPED_FRAMES * PAGE_SIZE - offset);
    const first = Math.floor(at / PAGE_SIZE);
    const gfns = Array.from({ length: Math.ceil((offset + size) / PAGE_SIZE) }, (_, index) => gfn(first + index));
    withFrames(memory, domid, gfns, (views) => copyToViews(views, offset, bytes.subarray(done, done + size)));
    done += size;
  }
}

/** Maps frames for as long as `use` runs. */
export function withFrames<T>(
  memory: ForeignMemory,
  domid: Domid,
  gfns: readonly Gfn[],
  use: (views: readonly Uint8Array[]) => T,
): T {
  const views = memory.map(domid, gfns);
  try {
    return use(views);
  } finally {
    memory.unmap(views);
  }
}

function copyToViews(views: readonly Uint8Array[], offset: number, bytes: Uint8Array): void {
  let from = 0;
  let at = offset;
  for (const view of joined(views)) {
    const piece = bytes.subarray(from, from + view.length - at);
    view.set(piece, at);
    from += piece.length;
    at = 0;
  }
}

/** Views of memory that lies together as one: a kernel has ten thousand pages, mostly in few pieces. */
function joined(views: readonly Uint8Array[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (const [index, view] of views.entries()) {
    const next = views[index + 1];
    length += view.length;
    const end = view.byteOffset + view.length;
    if (next !== undefined && next.buffer === view.buffer && next.byteOffset === end) continue;
    pieces.push(new Uint8Array(view.buffer, end - length, length));
    length = 0;
  }
  return pieces;
}
