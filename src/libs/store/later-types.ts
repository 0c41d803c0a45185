// What public/io/xs_wire.h and xen.h have since Xen 4.17, with their names: src/abi is that version's.

import type { Domid } from '../../abi/xen.ts';

export const XS_GET_FEATURE = 23;
export const XS_SET_FEATURE = 24;
export const XS_GET_QUOTA = 25;
export const XS_SET_QUOTA = 26;

/** WATCH takes a depth. */
export const XENSTORE_SERVER_FEATURE_WATCHDEPTH = 4;
/** A permission may be DOMID_ANY's. */
export const XENSTORE_SERVER_FEATURE_DOMID_ANY = 8;

/** In a permission: every domain. */
export const DOMID_ANY = 0x7ff5 as Domid;
