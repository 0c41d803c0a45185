/** The console ring (public/io/console.h): bytes go into its out half, and an event tells the other end. */
export const CONSOLE = `
OUT_RING equ 1024
OUT_SIZE equ 2048
OUT_CONS equ 3080
OUT_PROD equ 3084

console_open:
  mov eax, HVM_PARAM_CONSOLE_PFN
  call get_param
  shl rax, 12
  mov [console_page], rax
  mov eax, HVM_PARAM_CONSOLE_EVTCHN
  call get_param
  mov [console_port], eax
  ret

; Prints the string at RSI, up to its NUL.
print:
  lodsb
  test al, al
  je notify_console
  push rsi
  call put
  pop rsi
  jmp print

; Prints AL.
print_char:
  call put
notify_console:
  mov edi, EVTCHNOP_send
  mov rsi, console_port
  mov eax, HYPERVISOR_event_channel_op
  jmp hypercall

; Puts AL into the ring; waits while it is full.
put:
  mov rbx, [console_page]
.again:
  mov ecx, [rbx+OUT_PROD]
  mov edx, ecx
  sub edx, [rbx+OUT_CONS]
  cmp edx, OUT_SIZE
  jb .room
  push rax
  call notify_console
  call yield
  pop rax
  mov rbx, [console_page]
  jmp .again
.room:
  mov edx, ecx
  and edx, OUT_SIZE - 1
  mov [rbx+rdx+OUT_RING], al
  inc ecx
  mov [rbx+OUT_PROD], ecx
  ret

yield:
  mov edi, SCHEDOP_yield
  xor esi, esi
  mov eax, HYPERVISOR_sched_op
  jmp hypercall

align 8
console_page:
  dq 0
console_port:
  dd 0
`;
