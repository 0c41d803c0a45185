import {
  XS_CONTROL,
  XS_DIRECTORY,
  XS_DIRECTORY_PART,
  XS_GET_DOMAIN_PATH,
  XS_GET_PERMS,
  XS_INTRODUCE,
  XS_IS_DOMAIN_INTRODUCED,
  XS_MKDIR,
  XS_READ,
  XS_RELEASE,
  XS_RESET_WATCHES,
  XS_RESUME,
  XS_RM,
  XS_SET_PERMS,
  XS_SET_TARGET,
  XS_TRANSACTION_END,
  XS_TRANSACTION_START,
  XS_UNWATCH,
  XS_WATCH,
  XS_WRITE,
} from '../../../abi/io/xs_wire.ts';
import { XS_GET_FEATURE, XS_GET_QUOTA, XS_SET_FEATURE, XS_SET_QUOTA } from '../../../libs/store/later-types.ts';
import { control } from './control.ts';
import { directory } from './directory.ts';
import { directoryPart } from './directory-part.ts';
import { getFeature, setFeature } from './features.ts';
import { getDomainPath } from './get-domain-path.ts';
import { getPerms } from './get-perms.ts';
import { introduce } from './introduce.ts';
import { isDomainIntroduced } from './is-domain-introduced.ts';
import { mkdir } from './mkdir.ts';
import { getQuota, setQuota } from './quotas.ts';
import { read } from './read.ts';
import { release } from './release.ts';
import type { Request } from './request.ts';
import { resetWatches } from './reset-watches.ts';
import { resume } from './resume.ts';
import { rm } from './rm.ts';
import { setPerms } from './set-perms.ts';
import { setTarget } from './set-target.ts';
import { transactionEnd } from './transaction-end.ts';
import { transactionStart } from './transaction-start.ts';
import { unwatch } from './unwatch.ts';
import { watch } from './watch.ts';
import { write } from './write.ts';

export interface RequestRow {
  readonly type: number;
  /** The protocol's name without XS_. */
  readonly name: string;
  /** Returns the reply's payload, or throws an XsError. */
  readonly handler: (request: Request) => Uint8Array;
  /** Refused with EACCES where a guest sends it. */
  readonly privileged?: true;
  /** The header's tx_id means nothing to it. */
  readonly outsideTransactions?: true;
}

/** Every request of the protocol; a type that is not here is ENOSYS. */
// biome-ignore format: a request is a line
export const REQUESTS: ReadonlyMap<number, RequestRow> = new Map([
  { type: XS_CONTROL,              name: 'CONTROL',              handler: control,            privileged: true },
  { type: XS_DIRECTORY,            name: 'DIRECTORY',            handler: directory },
  { type: XS_READ,                 name: 'READ',                 handler: read },
  { type: XS_GET_PERMS,            name: 'GET_PERMS',            handler: getPerms },
  { type: XS_WATCH,                name: 'WATCH',                handler: watch,              outsideTransactions: true },
  { type: XS_UNWATCH,              name: 'UNWATCH',              handler: unwatch,            outsideTransactions: true },
  { type: XS_TRANSACTION_START,    name: 'TRANSACTION_START',    handler: transactionStart },
  { type: XS_TRANSACTION_END,      name: 'TRANSACTION_END',      handler: transactionEnd },
  { type: XS_INTRODUCE,            name: 'INTRODUCE',            handler: introduce,          privileged: true },
  { type: XS_RELEASE,              name: 'RELEASE',              handler: release,            privileged: true },
  { type: XS_GET_DOMAIN_PATH,      name: 'GET_DOMAIN_PATH',      handler: getDomainPath },
  { type: XS_WRITE,                name: 'WRITE',                handler: write },
  { type: XS_MKDIR,                name: 'MKDIR',                handler: mkdir },
  { type: XS_RM,                   name: 'RM',                   handler: rm },
  { type: XS_SET_PERMS,            name: 'SET_PERMS',            handler: setPerms },
  { type: XS_IS_DOMAIN_INTRODUCED, name: 'IS_DOMAIN_INTRODUCED', handler: isDomainIntroduced, privileged: true },
  { type: XS_RESUME,               name: 'RESUME',               handler: resume,             privileged: true },
  { type: XS_SET_TARGET,           name: 'SET_TARGET',           handler: setTarget,          privileged: true },
  { type: XS_RESET_WATCHES,        name: 'RESET_WATCHES',        handler: resetWatches },
  { type: XS_DIRECTORY_PART,       name: 'DIRECTORY_PART',       handler: directoryPart },
  { type: XS_GET_FEATURE,          name: 'GET_FEATURE',          handler: getFeature },
  { type: XS_SET_FEATURE,          name: 'SET_FEATURE',          handler: setFeature,         privileged: true },
  { type: XS_GET_QUOTA,            name: 'GET_QUOTA',            handler: getQuota,           privileged: true },
  { type: XS_SET_QUOTA,            name: 'SET_QUOTA',            handler: setQuota,           privileged: true },
].map((row) => [row.type, row as RequestRow]));
