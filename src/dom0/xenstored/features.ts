import { XENSTORE_SERVER_FEATURE_ERROR } from '../../abi/io/xs_wire.ts';
import { XENSTORE_SERVER_FEATURE_DOMID_ANY, XENSTORE_SERVER_FEATURE_WATCHDEPTH } from '../../libs/store/later-types.ts';

/** XENSTORE_SERVER_FEATURE_* that this daemon has; a domain has all of them unless SET_FEATURE takes some away. */
export const FEATURES =
  XENSTORE_SERVER_FEATURE_ERROR | XENSTORE_SERVER_FEATURE_WATCHDEPTH | XENSTORE_SERVER_FEATURE_DOMID_ANY;
