import {
  E2BIG,
  EACCES,
  EAGAIN,
  EBUSY,
  EEXIST,
  EINVAL,
  EIO,
  EISCONN,
  EISDIR,
  ENOENT,
  ENOMEM,
  ENOSPC,
  ENOSYS,
  ENOTEMPTY,
  EPERM,
  EROFS,
} from '../../abi/errno.ts';

/** The errors xenstored can answer with: xsd_errors in io/xs_wire.h. On the wire goes the name. */
const XSD_ERRORS = {
  EINVAL,
  EACCES,
  EEXIST,
  EISDIR,
  ENOENT,
  ENOMEM,
  ENOSPC,
  EIO,
  ENOTEMPTY,
  ENOSYS,
  EROFS,
  EBUSY,
  EAGAIN,
  EISCONN,
  E2BIG,
  EPERM,
} as const;

export type XsErrorName = keyof typeof XSD_ERRORS;

/**
 * What a request is refused with; the client gets the name, the message is for us. It is no Error: a client may be
 * refused a hundred thousand times a second, and the stack that an Error takes costs more than the request.
 */
export class XsError {
  readonly code: XsErrorName;
  readonly message: string;

  constructor(code: XsErrorName, message: string) {
    this.code = code;
    this.message = message;
  }
}

/** The name of an errno of Xen's, or EINVAL where the protocol has no word for it, as the C daemon answers. */
export function xsErrorName(errno: number): XsErrorName {
  const [name] = Object.entries(XSD_ERRORS).find(([, number]) => number === errno) ?? ['EINVAL'];
  return name as XsErrorName;
}
