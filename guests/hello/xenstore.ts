/** The store's ring (public/io/xs_wire.h): one READ at a time. */
export const XENSTORE = `
REQ_MASK equ 1023
RESPONSES equ 1024
REQ_PROD equ 2052
RSP_CONS equ 2056
RSP_PROD equ 2060
HEADER equ 16

xenstore_open:
  mov eax, HVM_PARAM_STORE_PFN
  call get_param
  shl rax, 12
  mov [store_page], rax
  mov eax, HVM_PARAM_STORE_EVTCHN
  call get_param
  mov [store_port], eax
  ret

; Reads the key at RSI (relative: in the domain's own part of the store) and prints 'key = value'.
print_key:
  push rsi
  call print
  mov rsi, text_equals
  call print
  pop rsi
  ; The header: type, request, transaction, length with the NUL.
  mov rdi, rsi
  xor eax, eax
  mov ecx, -1
  repne scasb
  sub rdi, rsi
  mov [message_length], edi
  mov r8, rsi
  mov r9, rdi
  mov rsi, message
  mov ecx, HEADER
  call store_send
  mov rsi, r8
  mov rcx, r9
  call store_send
  mov edi, EVTCHNOP_send
  mov rsi, store_port
  mov eax, HYPERVISOR_event_channel_op
  call hypercall
  ; The answer has a header too; the value is not NUL-terminated.
  mov rdi, answer
  mov ecx, HEADER
  call store_receive
  mov rdi, answer
  mov ecx, [answer_length]
  call store_receive
  mov byte [rdi], 0
  mov rsi, answer
  call print
  mov al, 10
  jmp print_char

; RCX bytes at RSI go into the request half, which is empty.
store_send:
  mov rbx, [store_page]
  mov edx, [rbx+REQ_PROD]
.byte:
  lodsb
  mov r10d, edx
  and r10d, REQ_MASK
  mov [rbx+r10], al
  inc edx
  dec ecx
  jne .byte
  mov [rbx+REQ_PROD], edx
  ret

; RCX bytes come from the response half to RDI.
store_receive:
  test ecx, ecx
  je .done
  mov rbx, [store_page]
  mov edx, [rbx+RSP_CONS]
  cmp edx, [rbx+RSP_PROD]
  jne .some
  push rcx
  push rdi
  call yield
  pop rdi
  pop rcx
  jmp store_receive
.some:
  mov r10d, edx
  and r10d, REQ_MASK
  mov al, [rbx+r10+RESPONSES]
  stosb
  inc edx
  mov [rbx+RSP_CONS], edx
  dec ecx
  jmp store_receive
.done:
  ret

align 8
store_page:
  dq 0
store_port:
  dd 0
message:
  dd XS_READ, 0, 0
message_length:
  dd 0
text_equals:
  db ' = ', 0
align 8
answer:
  dd 0, 0, 0
answer_length:
  dd 0
  resb 256
`;
