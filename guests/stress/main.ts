/** What all pieces share: the order of things, checks, and how a failure is told. */
export const MAIN = `
WINDOW equ 0x100000000

main:
  mov rax, cr4
  or eax, 0x600                     ; OSFXSR, OSXMMEXCPT: SSE
  mov cr4, rax
  lgdt [stress_gdt_pointer]
  mov qword [pdpt + 4*8], window_pd + 3
  mov qword [window_pd], window_pt + 3
  call console_open
  call prepare
  mov dword [rounds_left], ROUNDS
.round:
  call all_pieces
  dec dword [rounds_left]
  jne .round
  mov esi, text_right
  call print
  mov rax, [checks]
  call print_number
  mov edi, SCHEDOP_shutdown
  mov esi, reason_poweroff
  mov eax, HYPERVISOR_sched_op
  call hypercall
  jmp die

; EAX is what came out, EDX what should. Keeps all registers.
check:
  cmp eax, edx
  jne .wrong
  inc qword [checks]
  ret
.wrong:
  mov rsp, stack_top
  mov [came_out], eax
  mov [expected], edx
  mov esi, text_wrong
  call print
  mov rsi, [current]
  call print
  mov esi, text_came_out
  call print
  mov eax, [came_out]
  call print_number
  mov esi, text_expected
  call print
  mov eax, [expected]
  call print_number
  mov esi, text_checks
  call print
  mov rax, [checks]
  call print_number
  mov edi, SCHEDOP_shutdown
  mov esi, reason_crash
  mov eax, HYPERVISOR_sched_op
  call hypercall
  jmp die

; Prints RAX in hexadecimal, and ends the line.
print_number:
  mov r13, rax
  mov r12d, 60
.digit:
  mov rax, r13
  mov ecx, r12d
  shr rax, cl
  and eax, 15
  mov al, [hex_digits+rax]
  call put
  sub r12d, 4
  jns .digit
  mov al, 10
  jmp print_char

; Maps page ECX of the window to the page at physical address RAX.
map_window:
  or rax, 3
  mov [window_pt+rcx*8], rax
  mov r10, rcx
  shl r10, 12
  mov r11, WINDOW
  add r10, r11
  invlpg [r10]
  ret

align 8
stress_gdt:
  dq 0, 0x00af9a000000ffff, 0x00cf92000000ffff, 0x00cf9a000000ffff
stress_gdt_pointer:
  dw stress_gdt_pointer - stress_gdt - 1
  dq stress_gdt
align 8
far_target:
  dd 0
  dw 0
align 8
patch_source:
  dq 0
checks:
  dq 0
current:
  dq 0
rounds_left:
  dd 0
came_out:
  dd 0
expected:
  dd 0
reason_poweroff:
  dd SHUTDOWN_poweroff
reason_crash:
  dd SHUTDOWN_crash
hex_digits:
  db '0123456789abcdef'
text_right:
  db 'All as it should be. Checks: ', 0
text_wrong:
  db 'WRONG: ', 0
text_came_out:
  db 10, 'came out: ', 0
text_expected:
  db 'expected: ', 0
text_checks:
  db 'right before that: ', 0
`;

/** Pages for code that is moved, and tables of the window through which it is run. */
export const PAGES = `
align 4096
${[
  'page_a',
  'page_b',
  'page_c',
  'page_d',
  'page_e',
  'page_f',
  'page_g',
  'page_h',
  'page_i',
  'page_j',
  'window_pd',
  'window_pt',
]
  .map((name) => `${name}:\n  resb 4096`)
  .join('\n')}
  resb 4096
second_stack:
`;
