/**
 * Time: VIRQ_TIMER's event comes in through an interrupt vector; the clock is that of public/xen.h's vcpu_time_info.
 * Offsets in shared info are those of 64-bit guests.
 */
export const TIMER = `
VECTOR equ 0xf3
TICK_NS equ 100000000
UPCALL_PENDING equ 0
PENDING_SEL equ 8
TSC_TIMESTAMP equ 40
SYSTEM_TIME equ 48
TSC_TO_SYSTEM_MUL equ 56
TSC_SHIFT equ 60
EVTCHN_PENDING equ 2048

timer_open:
  lidt [idt_pointer]
  mov rax, on_event
  mov rdi, idt + VECTOR * 16
  mov [rdi], ax
  shr rax, 16
  mov [rdi+6], ax
  mov word [rdi+2], 8               ; our code segment
  mov word [rdi+4], 0x8e00          ; present interrupt gate
  mov dword [param_index], HVM_PARAM_CALLBACK_IRQ
  mov rax, 0x0200000000000000 + VECTOR
  mov [param_value], rax            ; type 2: a vector
  mov edi, HVMOP_set_param
  mov rsi, param
  mov eax, HYPERVISOR_hvm_op
  call hypercall
  test eax, eax
  jne die
  mov edi, VCPUOP_stop_periodic_timer
  xor esi, esi
  mov eax, HYPERVISOR_vcpu_op
  call hypercall
  mov edi, EVTCHNOP_bind_virq
  mov rsi, bind_virq
  mov eax, HYPERVISOR_event_channel_op
  call hypercall
  test eax, eax
  jne die
  mov edi, EVTCHNOP_unmask
  mov rsi, timer_port
  mov eax, HYPERVISOR_event_channel_op
  jmp hypercall

; Sets the timer and sleeps until the handler has counted its event.
wait_for_tick:
  call now
  add rax, TICK_NS
  mov [deadline], rax
  mov edi, VCPUOP_set_singleshot_timer
  xor esi, esi
  mov rdx, singleshot
  mov eax, HYPERVISOR_vcpu_op
  call hypercall
  test eax, eax
  jne die
  mov al, [ticks]
.sleep:
  cmp al, [ticks]
  jne .done
  sti
  hlt                               ; no interrupt gets between STI and HLT
  cli
  jmp .sleep
.done:
  ret

; RAX: nanoseconds since the domain started.
now:
  rdtsc
  shl rdx, 32
  or rax, rdx
  sub rax, [shared_info+TSC_TIMESTAMP]
  mov cl, [shared_info+TSC_SHIFT]
  test cl, cl
  jns .left
  neg cl
  shr rax, cl
  jmp .scale
.left:
  shl rax, cl
.scale:
  mov edx, [shared_info+TSC_TO_SYSTEM_MUL]
  mul rdx
  shrd rax, rdx, 32
  add rax, [shared_info+SYSTEM_TIME]
  ret

on_event:
  push rax
  push rcx
  mov byte [shared_info+UPCALL_PENDING], 0
  xor eax, eax
  xchg [shared_info+PENDING_SEL], rax
  xor eax, eax
  xchg [shared_info+EVTCHN_PENDING], rax
  mov ecx, [timer_port]
  bt rax, rcx
  adc byte [ticks], 0
  pop rcx
  pop rax
  iretq

align 8
singleshot:
deadline:
  dq 0
  dd 0, 0
bind_virq:
  dd VIRQ_TIMER, 0
timer_port:
  dd 0
ticks:
  db 0
align 16
idt_pointer:
  dw 16 * 256 - 1
  dq idt
align 16
idt:
  resb 16 * 256
`;
