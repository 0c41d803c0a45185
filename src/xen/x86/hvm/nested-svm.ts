import { EFER_SVME, OFFSET_EFER, OFFSET_SVM } from '../../../cpu/state.ts';
import type { CpuidTable } from '../cpuid.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';

// Guests that run guests of their own, by AMD's SVM (XEN_DOMCTL_CDF_nested_virt): what they are told of it. The
// processor itself does it (src/cpu/svm).

/** Of leaf 80000001H ECX */
const SVM = 1 << 2;
const FEATURES = 0x80000001;
/** Revision, number of address spaces, and features of SVM. */
const SVM_LEAF = 0x8000000a;

/** What a domain's processors say of SVM: nothing where it may not run guests, or its policy took the feature away. */
export function limitSvm(table: CpuidTable, isNested: boolean, leaf: number, out: Uint32Array): void {
  if (leaf === FEATURES && !isNested) out[2] = (out[2] as number) & ~SVM;
  if (leaf === SVM_LEAF && !(isNested && hasSvm(table))) out.fill(0);
}

/** The feature is in what processors say of themselves. */
export function hasSvm(table: CpuidTable): boolean {
  table.leaf(FEATURES, 0, features);
  return ((features[2] as number) & SVM) !== 0;
}

/** Its registers are more than Xen's records have room for: those of a guest's guest, or of who is to run one. */
export function isSavable({ state }: HvmVcpu): boolean {
  return (state.u32(OFFSET_EFER) & EFER_SVME) === 0 && state.u32(OFFSET_SVM) === 0;
}

const features = new Uint32Array(4);
