/** Code that one vCPU changes and another runs (SDM vol. 3A, 8.1.3): by the protocol, and without asking. */
import { filler, type Making, type Piece, store } from './piece.ts';

/** The second vCPU's loop, and how it is started. ESI, EDI and the hypercall are the caller's. */
export const SECOND_VCPU = `
start_second_vcpu:
  mov rax, cr0
  mov [second_context + 8 + 0x50], rax
  mov rax, cr3
  mov [second_context + 8 + 0x58], rax
  mov rax, cr4
  mov [second_context + 8 + 0x60], rax
  mov ecx, 0xc0000080
  rdmsr
  mov [second_context + 8 + 0x68], eax
  mov edi, VCPUOP_initialise
  mov esi, 1
  mov edx, second_context
  mov eax, HYPERVISOR_vcpu_op
  call hypercall
  test eax, eax
  jne die
  mov edi, VCPUOP_up
  mov esi, 1
  xor edx, edx
  mov eax, HYPERVISOR_vcpu_op
  call hypercall
  test eax, eax
  jne die
  ret

align 8
second_context:
  dd VCPU_HVM_MODE_64B, 0
  dq 0, 0, 0, 0, second_stack, 0, 0, 0, second_vcpu, 2, 0, 0, 0, 0
`;

/** The target, run by the second vCPU. */
export function otherVcpu({ random, heat, changes }: Making): Piece {
  return {
    name: 'other_vcpu',
    source: `
other_vcpu:
  mov ebp, ${changes}
.change:
  imul eax, ebp, 0x27d4eb2f
  mov r12d, eax
  ${store(random, 'shared_routine_patched + 1')}
  mov dword [second_done], 0
  mov dword [second_command], 1
.wait:
  call yield
  cmp dword [second_done], 0
  je .wait
  mov eax, [second_result]
  imul edx, r12d, ${heat}
  call check
  dec ebp
  jne .change

${UNASKED}
${secondVcpu(heat)}
shared_routine:
  ${filler(random, 5)}
shared_routine_patched:
  db 0xb8
  dd 0
  ${filler(random, 5)}
  ret

align 8
second_command:
  dd 0
second_done:
  dd 0
second_result:
  dd 0
second_limit:
  dd 0`,
  };
}

const UNASKED = `; Without asking: a byte of the instruction goes up, and what the other sees may only ever go up with it.
  mov dword [shared_routine_patched + 1], 0
  mov dword [second_limit], 0
  mov dword [second_done], 0
  mov dword [second_command], 2
.begin:
  call yield
  cmp dword [second_done], 2        ; it watches
  jne .begin
  xor ebp, ebp
.raise:
  inc ebp
  mov [second_limit], ebp
  mov eax, ebp
  mov [shared_routine_patched + 1], al
  mov ecx, 30000                    ; now and then the other is in the middle of its loop
  test ebp, 3
  je .spin
  call yield
  mov ecx, 1
.spin:
  dec ecx
  jne .spin
  cmp ebp, 200
  jne .raise
  mov dword [second_command], 0
.end:
  call yield
  cmp dword [second_done], 1
  jne .end
  mov eax, [second_result]          ; times it saw a number it must not
  xor edx, edx
  call check
  ret
`;

function secondVcpu(heat: number): string {
  return `; The second vCPU: 1 is to call the routine often and tell the sum, 2 to watch it until the command is 0.
second_vcpu:
  mov eax, [second_command]
  cmp eax, 1
  je .sum
  cmp eax, 2
  je .watch
  call yield
  jmp second_vcpu
.sum:
  xor eax, eax
  cpuid                             ; the protocol's serializing instruction
  xor ebx, ebx
  mov ecx, ${heat}
.hot:
  call shared_routine
  add ebx, eax
  dec ecx
  jne .hot
  mov dword [second_command], 0
  mov [second_result], ebx
  mov dword [second_done], 1
  jmp second_vcpu
.watch:
  xor ebx, ebx                      ; wrong ones
  xor r12d, r12d                    ; the last one
  mov dword [second_done], 2
.look:
  mov ecx, ${heat}
.often:
  call shared_routine
  movzx eax, al
  cmp eax, r12d
  jb .bad
  cmp eax, [second_limit]
  ja .bad
  jmp .good
.bad:
  inc ebx
.good:
  mov r12d, eax
  dec ecx
  jne .often
  call yield
  cmp dword [second_command], 2
  je .look
  mov [second_result], ebx
  mov dword [second_done], 1
  jmp second_vcpu
`;
}
