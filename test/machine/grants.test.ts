/** A grant is one frame seen twice, by real processors: code that the one side writes is what the other side runs. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { SmallMachine } from './testing/small-machine.ts';

const TABLE = 0x1c0000;
const MAPPED = 0x800000;
const GRANTER = 1;
const MAPPER = 2;

const HYPERVISOR_grant_table_op = 20;

/** Grants a page with code of its own, and runs that code until it answers otherwise. */
const GRANTING = `
TABLE equ ${TABLE}
main:
  mov edi, XENMEM_add_to_physmap
  mov esi, add_table
  mov eax, HYPERVISOR_memory_op
  call hypercall
  test eax, eax
  jne die
  call patched                      ; the processor has seen this code
  cmp eax, 1
  jne die
  mov byte [ready], 1
  mov dword [TABLE + 68], patched / 4096
  mov word [TABLE + 66], ${MAPPER}
  mov word [TABLE + 64], 1          ; reference 8: GTF_permit_access
.wait:
  call patched
  inc dword [calls]
  cmp eax, 2
  jne .wait
  mov dword [done], 1
  movzx eax, word [TABLE + 64]
  mov [flags], eax
.rest:
  mov edi, SCHEDOP_yield
  mov eax, HYPERVISOR_sched_op
  call hypercall
  movzx eax, word [TABLE + 64]
  mov [flags], eax
  jmp .rest
align 8
add_table:
  dw DOMID_SELF, 0
  dd 1, 0, 0
  dq TABLE / 4096
align 4096
patched:
  mov eax, 1
  ret
ready:
  db 0
align 4096
calls:
  dd 0
done:
  dd 0
flags:
  dd 0
`;

/** Maps that page, changes the code, and looks what is left when it has unmapped it. */
const MAPPING = `
MAPPED equ ${MAPPED}
main:
  xor edi, edi                      ; GNTTABOP_map_grant_ref
  mov esi, map
  mov edx, 1
  mov eax, ${HYPERVISOR_grant_table_op}
  call hypercall
  cmp word [map + 18], 0
  jne main                          ; it is not granted yet
  cmp byte [MAPPED + 6], 1          ; ready
  jne die
  mov byte [MAPPED + 1], 2
  mov eax, [map + 20]
  mov [unmap + 16], eax
  mov edi, 1                        ; GNTTABOP_unmap_grant_ref
  mov esi, unmap
  mov edx, 1
  mov eax, ${HYPERVISOR_grant_table_op}
  call hypercall
  movsx eax, word [unmap + 20]
  mov [status], eax
  mov eax, [MAPPED]
  mov [left], eax
  mov dword [done], 1
.rest:
  mov edi, SCHEDOP_yield
  mov eax, HYPERVISOR_sched_op
  call hypercall
  jmp .rest
align 4096
map:
  dq MAPPED
  dd 2, 8                           ; GNTMAP_host_map
  dw ${GRANTER}, 0
  dd 0
  dq 0
unmap:
  dq MAPPED, 0
  dd 0, 0
status:
  dd 77
left:
  dd 0
done:
  dd 0
`;

test('the mapper’s write is the granter’s next instruction, and after the unmapping there is nothing to be seen', () => {
  const machine = new SmallMachine();
  const granter = machine.start(GRANTING);
  const mapper = machine.start(MAPPING);
  equal(granter.domid, GRANTER);
  equal(mapper.domid, MAPPER);
  for (let turns = 0; turns < 100 && granter.read('done') === 0; turns++) machine.run(1);
  equal(granter.read('done'), 1, 'it runs the new code');
  for (let turns = 0; turns < 100 && mapper.read('done') === 0; turns++) machine.run(1);
  equal(mapper.read('status'), 0);
  equal(mapper.read('left'), 0xffffffff, 'nothing backs the address any more');
  machine.run(5);
  equal(granter.read('flags'), 1, 'nobody uses the grant');
});
