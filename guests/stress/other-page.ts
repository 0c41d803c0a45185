/** Code that is changed from another page, by its own address and by another of the same page. */
import { filler, type Making, type Piece, store } from './piece.ts';

/** A routine in a page of its own, changed from here; called by two addresses, changed by a third. */
export function otherPage({ random, heat, changes }: Making): Piece {
  const offset = 16 + random.below(4000);
  return {
    name: 'other_page',
    source: `
other_page:
  mov edi, page_a + ${offset}
  mov esi, .template
  mov ecx, .template_end - .template
  rep movsb
  xor ecx, ecx
  mov eax, page_a
  call map_window
  mov ecx, 1
  mov eax, page_a
  call map_window
  mov r13, WINDOW + ${offset}
  mov ebp, ${changes}
.change:
  imul eax, ebp, 0x85ebca77
  mov r12d, eax
  lea rdi, [r13+4096]               ; by the second window
  test ebp, 1
  je .store
  mov edi, page_a + ${offset}       ; by the physical address
.store:
  add rdi, .template_patched - .template + 1
  ${store(random, 'rdi')}
  xor ebx, ebx
  mov ecx, ${heat}
.hot:
  call r13
  add ebx, eax
  lea r14, [r13+4096]
  call r14
  sub ebx, eax
  call r13
  xor ebx, eax
  dec ecx
  jne .hot
  mov eax, ebx
  mov edx, ${heat % 2 === 1 ? 'r12d' : '0'}
  call check
  call r13
  mov edx, r12d
  call check
  mov edi, page_a + ${offset}
  call rdi
  mov edx, r12d
  call check
  dec ebp
  jne .change
  ret
.template:
  nop
  add r9d, 1
.template_patched:
  db 0xb8
  dd 0
  ret
.template_end:`,
  };
}

/** Data and stack in the page of hot code: the code stays what it is. */
export function stackInCode({ random, heat, changes }: Making): Piece {
  return {
    name: 'stack_in_code',
    source: `
stack_in_code:
  mov edi, page_b + 64
  mov esi, .template
  mov ecx, .template_end - .template
  rep movsb
  mov r15, rsp
  mov rsp, page_b + ${0x800 + 8 * random.below(128)}
  mov ebp, ${changes}
.change:
  mov edi, page_b + 64
  xor ebx, ebx
  mov ecx, ${heat}
.hot:
  call rdi
  add ebx, eax
  dec ecx
  jne .hot
  mov [page_b + 0xff0], ebp
  mov eax, ebx
  imul edx, ebp, ${heat}
  add edx, ${heat}
  call check
  dec ebp
  jne .change
  mov rsp, r15
  ret
.template:
  push rbp
  inc qword [rsp]
  ${filler(random, 4)}
  pop rax
  ret
.template_end:`,
  };
}
