import { __HYPERVISOR_iret } from '../../../abi/xen.ts';
import { PAGE_SIZE } from '../../../cpu/engine.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { P2M_RAM_RW } from '../mm/p2m.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';

/** Bytes of a stub; stub n makes hypercall n. */
const STUB_BYTES = 32;

const MOV_EAX_IMM32 = 0xb8;
const VMCALL = [0x0f, 0x01, 0xc1];
const RET = 0xc3;
const UD2 = [0x0f, 0x0b];
const INT3 = 0xcc;

/**
 * The hypercall page MSR: `value` is the guest-physical address of a page of the guest's, whose low 12 bits, the index
 * of the page, are 0. False is #GP.
 */
export function fillHypercallPage(vcpu: HvmVcpu, value: bigint): boolean {
  const { domain } = vcpu.hvm;
  const gfn = Number(value >> 12n);
  if ((value & 0xfffn) !== 0n || domain.p2m?.type(gfn) !== P2M_RAM_RW) return false;
  const mfn = domain.p2m.mfn(gfn);
  if (vcpu.xen.frames.owner(mfn) !== domain) return false;

  vcpu.hvm.latchSharedInfo(!vcpu.is64Bit());
  fillHypercallFrame(vcpu.xen, mfn);
  return true;
}

/** Fills a machine frame with the stubs. */
export function fillHypercallFrame(xen: Hypervisor, mfn: number): void {
  writeStubs(xen.memory.frame(mfn));
  xen.frames.written(mfn * PAGE_SIZE, PAGE_SIZE);
}

/** Fills a page with a stub for each hypercall: mov $nr, %eax; vmcall; ret. */
function writeStubs(page: Uint8Array): void {
  page.fill(INT3);
  for (let nr = 0; nr < PAGE_SIZE / STUB_BYTES; nr++) {
    // There is no frame to return to from a hypercall that HVM guests do not have.
    const stub = nr === __HYPERVISOR_iret ? UD2 : [MOV_EAX_IMM32, nr, 0, 0, 0, ...VMCALL, RET];
    page.set(stub, nr * STUB_BYTES);
  }
}
