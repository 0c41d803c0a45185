import { XENSTORE_PAYLOAD_MAX } from '../../../abi/io/xs_wire.ts';
import { joined, nulTerminated } from '../../../libs/store/wire.ts';
import { XsError } from '../errors.ts';
import { XS_PERM_READ } from '../permissions.ts';
import type { Request } from './request.ts';
import { leadingNumber } from './request.ts';

/**
 * DIRECTORY_PART  <path>|<offset>|  ->  <gencnt>|<child-leaf-name>|*
 * As many children as fit, from a byte offset in DIRECTORY's list on. After the last comes an empty name. The same
 * gencnt in all parts tells that they belong together.
 */
export function directoryPart(request: Request): Uint8Array {
  const [path, offsetText] = request.strings;
  if (path === undefined || offsetText === undefined || request.strings.length !== 2) {
    throw new XsError('EINVAL', 'not a path and an offset');
  }
  const node = request.view.require(request.connection.absolute(path), XS_PERM_READ);
  const list = nulTerminated(...node.children);
  const generation = nulTerminated(`${node.generation}`);
  const offset = leadingNumber(offsetText) >>> 0;
  const rest = list.subarray(Math.min(offset, list.length));

  // One byte stays free for the NUL that follows the last child.
  const room = XENSTORE_PAYLOAD_MAX - generation.length - 1;
  if (rest.length <= room) return joined(generation, rest, Uint8Array.of(0));
  const fitting = rest.subarray(0, room).lastIndexOf(0) + 1;
  return joined(generation, rest.subarray(0, fitting));
}
