import {
  HVM_FILE_MAGIC,
  HVM_FILE_VERSION,
  HVM_SAVE_CODE_CPU,
  HVM_SAVE_CODE_HEADER,
  HVM_SAVE_CODE_MTRR,
  HvmHwMtrr,
  HvmSaveHeader,
} from '../../abi/arch-x86/hvm/save.ts';
import { HvmHwCpu } from '../../abi/arch-x86/hvm/save-cpu.ts';
import { HVM_SAVE_CODE_END, HvmSaveDescriptor } from '../../abi/hvm/save.ts';
import type { HvmContext, HvmCpu } from './ctrl.ts';

/** The bytes of XEN_DOMCTL_sethvmcontext for one vCPU: header, the records there are, end. */
export function encodeHvmContext(vcpu: number, context: HvmContext): Uint8Array {
  const records = [record(HVM_SAVE_CODE_HEADER, 0, HvmSaveHeader.SIZE, putHeader)];
  const { cpu, mtrr } = context;
  if (cpu !== undefined) {
    records.push(record(HVM_SAVE_CODE_CPU, vcpu, HvmHwCpu.SIZE, (view, at) => putCpu(new HvmHwCpu(view, at), cpu)));
  }
  if (mtrr !== undefined) {
    records.push(
      record(HVM_SAVE_CODE_MTRR, vcpu, HvmHwMtrr.SIZE, (view, at) => {
        new HvmHwMtrr(view, at).msr_mtrr_def_type = mtrr.msr_mtrr_def_type;
      }),
    );
  }
  records.push(record(HVM_SAVE_CODE_END, 0, 0, () => {}));

  const bytes = new Uint8Array(records.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of records) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function record(
  typecode: number,
  instance: number,
  length: number,
  fill: (view: DataView, at: number) => void,
): Uint8Array {
  const bytes = new Uint8Array(HvmSaveDescriptor.SIZE + length);
  const view = new DataView(bytes.buffer);
  const descriptor = new HvmSaveDescriptor(view, 0);
  descriptor.typecode = typecode;
  descriptor.instance = instance;
  descriptor.length = length;
  fill(view, HvmSaveDescriptor.SIZE);
  return bytes;
}

function putHeader(view: DataView, at: number): void {
  const header = new HvmSaveHeader(view, at);
  header.magic = HVM_FILE_MAGIC;
  header.version = HVM_FILE_VERSION;
  header.changeset = 0xffffffffffffffffn;
}

function putCpu(record: HvmHwCpu, cpu: HvmCpu): void {
  record.rax = BigInt(cpu.rax);
  record.rbx = BigInt(cpu.rbx);
  record.rcx = BigInt(cpu.rcx);
  record.rdx = BigInt(cpu.rdx);
  record.rbp = BigInt(cpu.rbp);
  record.rsi = BigInt(cpu.rsi);
  record.rdi = BigInt(cpu.rdi);
  record.rsp = BigInt(cpu.rsp);
  record.rip = BigInt(cpu.rip);
  record.rflags = BigInt(cpu.rflags);
  record.cr0 = BigInt(cpu.cr0);
  record.cr3 = BigInt(cpu.cr3);
  record.cr4 = BigInt(cpu.cr4);
  record.dr6 = BigInt(cpu.dr6);
  record.dr7 = BigInt(cpu.dr7);
  for (const name of ['cs', 'ds', 'es', 'fs', 'gs', 'ss', 'tr', 'ldtr'] as const) {
    const { sel, base, limit, arbytes } = cpu[name];
    record[`${name}_sel`] = sel;
    record[`${name}_base`] = BigInt(base);
    record[`${name}_limit`] = limit;
    record[`${name}_arbytes`] = arbytes;
  }
}
