import { Domain, type DomainConfig } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { Vcpu } from '../../common/vcpu.ts';
import { P2m } from '../mm/p2m.ts';
import { updateSystemTime } from '../time.ts';
import { HvmDomain } from './domain-hvm.ts';
import { HvmVcpu } from './vcpu-hvm.ts';

/** Makes an empty HVM domain, paused; undefined where memory is short. */
export function createHvmDomain(xen: Hypervisor, config: DomainConfig, emulationFlags: number): Domain | undefined {
  const domain = Domain.create(xen, config);
  if (domain === undefined) return undefined;
  domain.p2m = new P2m();
  domain.hvm = new HvmDomain(domain, emulationFlags);
  return domain;
}

/** Gives an HVM domain its next vCPU, down and without registers. */
export function createHvmVcpu(domain: Domain): Vcpu | undefined {
  if (domain.hvm === undefined) return undefined;
  const vcpu = new Vcpu(domain, domain.vcpus.length);
  vcpu.arch = new HvmVcpu(domain.hvm, vcpu);
  domain.vcpus.push(vcpu);
  domain.xen.scheduler.insert(vcpu);
  updateSystemTime(vcpu);
  return vcpu;
}
