import { E2BIG, EFAULT, EPERM } from '../../abi/errno.ts';
import { mayReadConsole, mayWriteConsole } from '../xsm.ts';
import { type Call, CONTINUE, element, type HypercallResult } from './call.ts';
import type { Domain } from './domain.ts';

// HYPERVISOR_console_io: argument 0 is the operation, 1 a count of bytes, 2 points at them.

const CHUNK_BYTES = 1024;
const CHUNKS_BEFORE_CONTINUE = 32;
/** A guest's line that gets longer is printed as it is. */
const MAX_LINE = 1022;

const chunk = new Uint8Array(CHUNK_BYTES);
const TAB = 9;
const NEWLINE = 10;
const SPACE = 32;
const TILDE = 126;

/** CONSOLEIO_write: text for Xen's console. Guests' lines are printed whole, marked with the domain. */
export function consoleioWrite(call: Call): HypercallResult {
  if (!mayWriteConsole(call.domain)) return -EPERM;
  const count = call.u32(1);
  const buffer = call.handle(2);
  for (let done = 0; done < count; done += CHUNK_BYTES) {
    const pointer = element(buffer, done, 1);
    if (done === CHUNKS_BEFORE_CONTINUE * CHUNK_BYTES) {
      call.args[1] = BigInt(count - done);
      call.args[2] = pointer;
      return CONTINUE;
    }
    const bytes = chunk.subarray(0, Math.min(CHUNK_BYTES, count - done));
    if (!call.guest.read(pointer, bytes)) return -EFAULT;
    if (call.domain.id === 0) call.xen.console.write(String.fromCharCode(...bytes));
    else printGuest(call.domain, bytes);
  }
  return 0;
}

/** CONSOLEIO_read: what was typed at Xen's console; returns the number of bytes. */
export function consoleioRead(call: Call): HypercallResult {
  if (!mayReadConsole(call.domain)) return -EPERM;
  const count = call.u32(1);
  if (count > 0x7fffffff) return -E2BIG;
  const bytes = call.xen.console.takeInput(count);
  return call.guest.write(call.handle(2), bytes) ? bytes.length : -EFAULT;
}

/** Adds text to a domain's line, and prints each line that is finished. Only printable characters pass. */
export function printGuest(domain: Domain, text: ArrayLike<number>): void {
  for (let index = 0; index < text.length; index++) {
    const code = text[index] as number;
    if (code !== NEWLINE) {
      if (code !== TAB && (code < SPACE || code > TILDE)) continue;
      domain.consoleLine += String.fromCharCode(code);
      if (domain.consoleLine.length < MAX_LINE) continue;
    }
    domain.xen.console.print(`(d${domain.id}) ${domain.consoleLine}`);
    domain.consoleLine = '';
  }
}
