import { Domain, type DomainConfig } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { Vcpu } from '../../common/vcpu.ts';
import { P2m } from '../mm/p2m.ts';
import { PopulateOnDemand } from '../mm/p2m-pod.ts';
import { updateSystemTime } from '../time.ts';
import { HvmDomain } from './domain-hvm.ts';
import { HvmVcpu } from './vcpu-hvm.ts';

/** Makes an empty HVM domain, paused; undefined where memory is short. */
export function createHvmDomain(xen: Hypervisor, config: DomainConfig, emulationFlags: number): Domain | undefined {
  const domain = Domain.create(xen, config);
  if (domain === undefined) return undefined;
  const p2m = new P2m();
  p2m.owner = domain;
  p2m.pod = new PopulateOnDemand(domain, p2m);
  domain.p2m = p2m;
  domain.hvm = new HvmDomain(domain, emulationFlags);
  return domain;
}

/** Gives an HVM domain its next vCPU, down and without registers; undefined where the engine has no more. */
export function createHvmVcpu(domain: Domain): Vcpu | undefined {
  if (domain.hvm === undefined) return undefined;
  const vcpu = new Vcpu(domain, domain.vcpus.length);
  try {
    vcpu.arch = new HvmVcpu(domain.hvm, vcpu);
  } catch (refused) {
    // How many processors there can be is the engine's to say, and it says so by refusing one too many.
    domain.xen.log(`${vcpu.name}: ${refused instanceof Error ? refused.message : String(refused)}`);
    return undefined;
  }
  domain.vcpus.push(vcpu);
  domain.xen.scheduler.insert(vcpu);
  updateSystemTime(vcpu);
  return vcpu;
}
