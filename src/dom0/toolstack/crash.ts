import type { Domid } from '../../abi/xen.ts';
import type { DomainEvent, DomainRecord } from './domain-record.ts';
import { type StackHost, stackOf } from './guest-stack.ts';
import { SymbolMap } from './symbol-map.ts';

/** What a crash is explained with. */
export interface CrashHost extends StackHost {
  describe(domid: Domid): string | undefined;
}

/** Where a domain crashed: what Xen has said of it, and the stack by its kernel's symbols, where those can be read. */
export async function explainCrash(
  host: CrashHost,
  { domid, request, update }: DomainRecord,
): Promise<Pick<DomainEvent, 'rip' | 'stack' | 'detail'>> {
  const detail = host.describe(domid);
  if (detail === undefined) return {};
  const rip = /^.*RIP: +[0-9a-f]+:\[<([0-9a-f]{16})>\]/m.exec(detail)?.[1];
  const vcpu = Number(/\bd[0-9]+v([0-9]+)\b/.exec(detail)?.[1] ?? 0);
  const symbols = await symbolsOf(update?.symbols ?? request.symbols);
  return {
    ...(rip === undefined ? {} : { rip: `0x${rip}` }),
    ...(symbols === undefined ? {} : { stack: stackOf(host, domid, vcpu, symbols) }),
    detail,
  };
}

/** A map that cannot be read, or not any more, is no reason to tell less than without one. */
async function symbolsOf(read: (() => Promise<Uint8Array>) | undefined): Promise<SymbolMap | undefined> {
  try {
    const bytes = await read?.();
    return bytes === undefined ? undefined : new SymbolMap(new TextDecoder('latin1').decode(bytes));
  } catch {
    return undefined;
  }
}
