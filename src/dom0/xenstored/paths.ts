// Paths of the store (docs/misc/xenstore.txt). They are absolute here; a relative one became so on entry.

import type { Domid } from '../../abi/xen.ts';

export const ROOT = '/';

/** The home of a domain, and what its relative paths start from. */
export function domainPath(domid: Domid): string {
  return `/local/domain/${domid}`;
}

/** The path one step up; the root's parent is the root. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? ROOT : path.slice(0, slash);
}

/** The last component. */
export function leafOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function childOf(parent: string, leaf: string): string {
  return parent === ROOT ? `/${leaf}` : `${parent}/${leaf}`;
}

/**
 * Whether a node may have this name: absolute, of the permitted characters, with no empty component.
 *
 * @param maxLength in bytes, not counting a leading /local/domain/<domid>/, so that no domain is worse off for its number
 */
export function isValidPath(path: string, maxLength: number): boolean {
  if (!/^\/[A-Za-z0-9\-/_@]*$/.test(path)) return false;
  if (path.includes('//') || (path.endsWith('/') && path !== ROOT)) return false;
  const home = /^\/local\/domain\/\d{1,5}\//.exec(path)?.[0].length ?? 0;
  return path.length - home <= maxLength;
}
