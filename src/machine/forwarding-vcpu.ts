import type { EngineVcpu, Exit, OutsideAccess } from '../cpu/engine.ts';
import type { VcpuState } from '../cpu/state.ts';

/** A vCPU that is another one, for those that only have to do with a part of the contract. */
export class ForwardingVcpu implements EngineVcpu {
  readonly inner: EngineVcpu;
  readonly state: VcpuState;
  readonly outside: OutsideAccess;

  constructor(inner: EngineVcpu) {
    this.inner = inner;
    this.state = inner.state;
    this.outside = inner.outside;
  }

  get instructions(): number {
    return this.inner.instructions;
  }
  get exactBudget(): boolean {
    return this.inner.exactBudget;
  }
  set exactBudget(exact: boolean) {
    this.inner.exactBudget = exact;
  }
  run(budget: number): Exit {
    return this.inner.run(budget);
  }
  leave(): void {
    this.inner.leave();
  }
  get interruptsEnabled(): boolean {
    return this.inner.interruptsEnabled;
  }
  interruptible(): boolean {
    return this.inner.interruptible();
  }
  requestWindow(): void {
    this.inner.requestWindow();
  }
  injectInterrupt(vector: number): void {
    this.inner.injectInterrupt(vector);
  }
  injectException(vector: number, errorCode?: number): void {
    this.inner.injectException(vector, errorCode);
  }
  injectNmi(): void {
    this.inner.injectNmi();
  }
  flushTlb(): void {
    this.inner.flushTlb();
  }
  flushFrame(gfn: number, mfn: number): void {
    this.inner.flushFrame(gfn, mfn);
  }
  readLinear(addressLo: number, addressHi: number, into: Uint8Array): boolean {
    return this.inner.readLinear(addressLo, addressHi, into);
  }
  writeLinear(addressLo: number, addressHi: number, from: Uint8Array): boolean {
    return this.inner.writeLinear(addressLo, addressHi, from);
  }
  hostOf(addressLo: number, addressHi: number, bytes: number, isWrite: boolean): number {
    return this.inner.hostOf(addressLo, addressHi, bytes, isWrite);
  }
}
