import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { XEN_DOMCTL_CDF_nested_virt } from '../../../abi/domctl.ts';
import { EFER_SVME, OFFSET_EFER, OFFSET_SVM, SVM_GUEST_MODE } from '../../../cpu/state.ts';
import { ProcessorCpuid } from '../../../cpu/system/cpuid.ts';
import { TestMachine } from '../../testing/test-machine.ts';
import { CpuPolicy, HvmMaxPolicy } from '../cpu-policy.ts';
import { isSavable } from './nested-svm.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';

const FEATURES = 0x80000001;
const SVM = 1 << 2;
const SVM_LEAF = 0x8000000a;
const NONE = 0xffffffff;

function policy(isNested: boolean): CpuPolicy {
  return new CpuPolicy(new HvmMaxPolicy(new ProcessorCpuid(), isNested));
}

function read(table: CpuPolicy, leaf: number): number[] {
  const out = new Uint32Array(4);
  table.leaf(leaf, 0, out);
  return [...out];
}

test('a domain without nestedhvm sees nothing of SVM (Xen, recalculate_cpuid_policy)', () => {
  const plain = policy(false);
  equal((read(plain, FEATURES)[2] as number) & SVM, 0);
  deepEqual(read(plain, SVM_LEAF), [0, 0, 0, 0]);
});

test('one with it sees SVM and what there is of it: nested paging, nRIP, clean bits', () => {
  const nested = policy(true);
  equal((read(nested, FEATURES)[2] as number) & SVM, SVM);
  deepEqual(read(nested, SVM_LEAF), [1, 64, 0, 0b101001]);
});

test('where cpuid takes the feature away its leaf is empty', () => {
  const nested = policy(true);
  const values = read(nested, FEATURES);
  const without = { leaf: FEATURES, subleaf: NONE, values: values.map((word, at) => (at === 2 ? word & ~SVM : word)) };
  const changed = nested.changed([without], []);
  if (!(changed instanceof CpuPolicy)) throw new Error('the change is refused');
  deepEqual(read(changed, SVM_LEAF), [0, 0, 0, 0]);
});

test('no toolstack can give it to a domain without nestedhvm', () => {
  const plain = policy(false);
  const values = read(plain, FEATURES).map((word, at) => (at === 2 ? word | SVM : word));
  const changed = plain.changed([{ leaf: FEATURES, subleaf: NONE, values }], []);
  if (!(changed instanceof CpuPolicy)) throw new Error('the change is refused');
  equal((read(changed, FEATURES)[2] as number) & SVM, 0);
});

test('a vCPU that may run guests, or runs one, is in no record', () => {
  const machine = new TestMachine();
  const [vcpu] = machine.domain({ options: XEN_DOMCTL_CDF_nested_virt }).hvm as [HvmVcpu];
  equal(isSavable(vcpu), true);
  vcpu.state.setU32(OFFSET_SVM, SVM_GUEST_MODE);
  equal(isSavable(vcpu), false);
  vcpu.state.setU32(OFFSET_SVM, 0);
  vcpu.state.setU64(OFFSET_EFER, vcpu.state.u64(OFFSET_EFER) | BigInt(EFER_SVME));
  equal(isSavable(vcpu), false);
});
