// Who may do what with a node (docs/misc/xenstore.txt, "Permissions").

import type { Domid } from '../../abi/xen.ts';
import { DOMID_ANY } from '../../libs/store/later-types.ts';
import { nulTerminated } from '../../libs/store/wire.ts';

export const XS_PERM_NONE = 0;
export const XS_PERM_READ = 1;
export const XS_PERM_WRITE = 2;
export const XS_PERM_OWNER = 4;

export interface Permission {
  readonly domid: Domid;
  /** XS_PERM_READ | XS_PERM_WRITE */
  readonly access: number;
  /** The domain it speaks of is gone, or was not there when it was given: a later one of that number gets nothing. */
  readonly ignored: boolean;
}

/** The first is the owner, and its access is everybody's who is not named. */
export type Permissions = readonly [Permission, ...Permission[]];

/** Who asks. */
export interface Subject {
  readonly domid: Domid;
  readonly privileged: boolean;
  /** The domain it stands in for (SET_TARGET), as a stub domain does. */
  readonly target: { readonly domid: Domid } | undefined;
}

/** XS_PERM_* that `subject` has under `permissions`. */
export function accessOf(subject: Subject, permissions: Permissions): number {
  const [owner, ...others] = permissions;
  if (subject.privileged || concerns(owner, subject)) return XS_PERM_READ | XS_PERM_WRITE | XS_PERM_OWNER;
  return (others.find((entry) => !entry.ignored && concerns(entry, subject)) ?? owner).access;
}

function concerns(entry: Permission, subject: Subject): boolean {
  return entry.domid === subject.domid || entry.domid === subject.target?.domid || entry.domid === DOMID_ANY;
}

const ACCESS_OF_LETTER: Readonly<Record<string, number>> = {
  n: XS_PERM_NONE,
  r: XS_PERM_READ,
  w: XS_PERM_WRITE,
  b: XS_PERM_READ | XS_PERM_WRITE,
};

/** Letters of a permission, by access. */
export const LETTERS = 'nrwb';

/** Reads `<letter><domid>`; undefined where it is something else. The number may be octal or hexadecimal, as in C. */
export function parsePermission(text: string): Permission | undefined {
  const access = ACCESS_OF_LETTER[text.slice(0, 1)];
  const digits = /^[ \t]*[+]?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)$/.exec(text.slice(1))?.[1];
  if (access === undefined || digits === undefined) return undefined;
  const domid = /^0[0-7]/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return { domid: domid as Domid, access, ignored: false };
}

/** The reply to GET_PERMS: `<perm-as-string>|+`. */
export function formatPermissions(permissions: Permissions): Uint8Array {
  return nulTerminated(...permissions.map((entry) => `${LETTERS[entry.access]}${entry.domid}`));
}
