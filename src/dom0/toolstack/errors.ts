import * as errno from '../../abi/errno.ts';
import { XenolithError } from '../../lib/errors.ts';
import { HypercallError } from '../../libs/call/call.ts';
import { StoreError } from '../../libs/store/store.ts';

/** What can go wrong with a domain, other than with its files: the codes of this area. */
export type DomainErrorCode =
  /** the host has too little memory, or none for what was asked */
  | 'DOMAIN_MEMORY'
  /** another domain has the name */
  | 'DOMAIN_NAME'
  /** another domain has the UUID */
  | 'DOMAIN_UUID'
  /** a processor, pool or parameter that is not there */
  | 'DOMAIN_SCHEDULING'
  /** a processor that Xen will not show */
  | 'DOMAIN_CPUID'
  /** whoever asked for it does not want it any more */
  | 'DOMAIN_CANCELLED'
  /** Xen or the store refused a step */
  | 'DOMAIN_REFUSED';

/** A domain that could not be made or handled. `key` is the key of xl.cfg that would have to change, where one would. */
export class DomainError extends XenolithError {
  readonly key: string | undefined;

  /** The builder's codes come through as they are. */
  constructor(code: DomainErrorCode | (string & {}), message: string, key?: string) {
    super(code, message);
    this.name = 'DomainError';
    this.key = key;
  }
}

/** Takes a step; where Xen or the store refuses it, the DomainError says "could not `what`" and why. */
export async function attempt<T>(what: string, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw isRefusal(error) ? new DomainError('DOMAIN_REFUSED', `could not ${what}: ${reason(error)}`) : error;
  }
}

/** Whether Xen or the store said no, as opposed to something of ours being broken. */
export function isRefusal(error: unknown): boolean {
  return error instanceof HypercallError || error instanceof StoreError;
}

/** Why a step failed, as part of a sentence. */
export function reason(error: unknown): string {
  if (error instanceof HypercallError) return `${error.operation}: ${errnoName(error.errno)}`;
  return error instanceof Error ? error.message : String(error);
}

function errnoName(number: number): string {
  return Object.entries(errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`;
}
