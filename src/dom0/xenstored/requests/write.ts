import { textOf } from '../../../libs/store/wire.ts';
import { XsError } from '../errors.ts';
import type { Request } from './request.ts';
import { OK } from './request.ts';

/** WRITE  <path>|<value|>   Makes the parents it lacks, with empty values. */
export function write(request: Request): Uint8Array {
  const end = request.body.indexOf(0);
  if (end < 0) throw new XsError('EINVAL', 'no NUL between path and value');
  const path = request.connection.absolute(textOf(request.body.subarray(0, end)));
  request.view.write(path, request.body.slice(end + 1));
  return OK;
}
