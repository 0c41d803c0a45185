/** What the kernel does, after guests/lib/start64.ts has brought it into 64-bit mode; and the texts. */
export const START = `
main:
  call console_open
  mov rsi, greeting
  call print
  mov rsi, greeting                 ; and once more into Xen's own log
  mov edx, greeting_end - greeting - 1
  xchg rsi, rdx
  mov edi, CONSOLEIO_write
  mov eax, HYPERVISOR_console_io
  call hypercall
  call xenstore_open
  mov rsi, key_name
  call print_key
  mov rsi, key_domid
  call print_key
  call timer_open
.tick:
  call wait_for_tick
  mov rsi, text_tick
  call print
  mov al, [ticks]
  add al, '0'
  call print_char
  mov al, 10
  call print_char
  cmp byte [ticks], 5
  jb .tick
  mov rsi, farewell
  call print
  mov edi, SCHEDOP_shutdown
  mov rsi, shutdown_reason
  mov eax, HYPERVISOR_sched_op
  call hypercall
  jmp die

shutdown_reason:
  dd SHUTDOWN_poweroff
greeting:
  db 'Hello from a PVH guest in 64-bit mode.', 10
greeting_end:
  db 0
text_tick:
  db 'tick ', 0
farewell:
  db 'Goodbye.', 10, 0
key_name:
  db 'name', 0
key_domid:
  db 'domid', 0
`;
