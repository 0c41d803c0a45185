import { DOMID_ANY, XENSTORE_SERVER_FEATURE_DOMID_ANY } from '../../../libs/store/later-types.ts';
import { XsError } from '../errors.ts';
import type { Permission, Permissions } from '../permissions.ts';
import { accessOf, parsePermission, XS_PERM_OWNER, XS_PERM_WRITE } from '../permissions.ts';
import type { SpecialWatch } from '../store.ts';
import { ownerOf } from '../store.ts';
import type { Request } from './request.ts';
import { OK } from './request.ts';

/** SET_PERMS  <path>|<perm-as-string>|+   Only for the owner, and only dom0 can make somebody else the owner. */
export function setPerms(request: Request): Uint8Array {
  const [path, ...entries] = request.strings;
  if (path === undefined || entries.length === 0) throw new XsError('EINVAL', 'not a path and permissions');
  const { connection } = request;
  const { permissions: quota } = request.daemon.state.limits.quotas;
  const limit = connection.account.limitOf(quota);
  if (!connection.privileged && entries.length > limit) throw new XsError('ENOSPC', 'too many permissions');

  const [owner, ...others] = entries.map((entry) => parsed(request, entry));
  if (owner === undefined || owner.ignored || owner.domid === DOMID_ANY)
    throw new XsError('ENOENT', 'the owner is no domain that exists');
  const permissions: Permissions = [owner, ...others];
  if (path.startsWith('@')) {
    setSpecial(request, path, permissions);
    return OK;
  }

  const absolute = connection.absolute(path);
  const node = request.view.require(absolute, XS_PERM_WRITE | XS_PERM_OWNER);
  if (!connection.privileged && owner.domid !== ownerOf(node)) throw new XsError('EPERM', 'only dom0 gives nodes away');
  request.view.setPermissions(absolute, node, permissions);
  return OK;
}

/** A permission for a domain that Xen does not know will be nobody's. */
function parsed(request: Request, text: string): Permission {
  const permission = parsePermission(text);
  if (permission === undefined) throw new XsError('EINVAL', `no permission: ${text}`);
  const { accounts, store } = request.daemon.state;
  if (permission.domid === DOMID_ANY) {
    const { features } = request.connection.account;
    return { ...permission, ignored: (features & XENSTORE_SERVER_FEATURE_DOMID_ANY) === 0 };
  }
  const ignored = accounts.findExisting(permission.domid, store.generation) === undefined;
  return { ...permission, ignored };
}

/** Who may see @introduceDomain or @releaseDomain. */
function setSpecial(request: Request, name: string, permissions: Permissions): void {
  const { specialWatches } = request.daemon.state.store;
  const current = specialWatches.get(name as SpecialWatch);
  if (current === undefined) throw new XsError('ENOENT', `no special watch: ${name}`);
  const needed = XS_PERM_WRITE | XS_PERM_OWNER;
  if ((accessOf(request.connection, current) & needed) !== needed) throw new XsError('EACCES', name);
  specialWatches.set(name as SpecialWatch, permissions);
}
