import type { StoreNode } from '../dom0/toolstack/store-nodes.ts';

/** What is in the store before any guest, as xen-init-dom0 leaves it. xenstored itself has made /tool/xenstored. */
export const DOM0_NODES: readonly StoreNode[] = [
  { path: '/local/domain/0/domid', value: '0' },
  { path: '/local/domain/0/name', value: 'Domain-0' },
  { path: '/local/pool/0/name', value: 'Pool-0' },
];
