/** Other code at the same address: page table entries change, in front of the code and under it. */
import { type Making, type Piece, store } from './piece.ts';

/** After a change of a page table entry: forget one page, or all. */
function flush(by: 'invlpg' | 'cr3', address: string): string {
  return by === 'invlpg' ? `invlpg [${address}]` : 'mov rax, cr3\nmov cr3, rax';
}

/** One address, two pages with different code; the page that is not mapped is changed meanwhile. */
export function twoPages({ random, heat, changes }: Making): Piece {
  const offset = 16 + random.below(4000);
  const how = random.below(2) === 0 ? 'invlpg' : 'cr3';
  return {
    name: 'two_pages',
    source: `
two_pages:
  mov r13, WINDOW + 0x2000 + ${offset}
  mov dword [page_c + ${offset}], 0xc300438d    ; lea eax, [rbx+0]; ret
  mov dword [page_d + ${offset}], 0xc300438d
  mov ebp, ${changes}
.change:
  mov edi, page_c
  test ebp, 1
  je .map
  mov edi, page_d
.map:
  lea eax, [rdi+3]
  mov [window_pt + 2*8], rax
  ${flush(how, 'r13')}
  mov edi, page_c                   ; the other one becomes lea eax, [rbx+count]
  test ebp, 1
  jne .other
  mov edi, page_d
.other:
  lea eax, [rbp+1]
  and eax, 0x7f
  shl eax, 16
  or eax, 0xc300438d
  add rdi, ${offset}
  ${store(random, 'rdi')}
  xor r12d, r12d
  mov ebx, ${heat}
.hot:
  call r13
  sub eax, ebx
  add r12d, eax
  dec ebx
  jne .hot
  mov eax, r12d
  xor edx, edx
  cmp ebp, ${changes}               ; the first has not been changed yet
  je .check
  lea edx, [rbp+2]
  and edx, 0x7f
  imul edx, edx, ${heat}
.check:
  call check
  dec ebp
  jne .change
  ret`,
  };
}

/** One page at two addresses, whose code tells at which of them it runs. */
export function twoAddresses({ heat, changes }: Making): Piece {
  return {
    name: 'two_addresses',
    source: `
two_addresses:
  mov rax, 0xc3fffffff9058d48       ; lea rax, [rip-7]; ret
  mov [page_e + 0x100], rax
  mov ecx, 3
  mov eax, page_e
  call map_window
  mov ecx, 4
  mov eax, page_e
  call map_window
  mov r13, WINDOW + 0x3100
  mov ebp, ${changes}
.change:
  mov ecx, ${heat}
  xor r12d, r12d
.hot:
  call r13
  mov rbx, rax
  lea rax, [r13+4096]
  call rax
  sub rax, rbx
  add r12d, eax
  cmp rbx, r13
  jne .wrong
  dec ecx
  jne .hot
  mov eax, r12d
  mov edx, 4096 * ${heat}
  call check
  dec ebp
  jne .change
  ret
.wrong:
  mov eax, ebx
  mov edx, r13d
  jmp check`,
  };
}

/** Code that changes the mapping of the page it is in: what follows comes from the other page. */
export function underItself({ changes }: Making): Piece {
  return {
    name: 'under_itself',
    source: `
under_itself:
  mov edi, page_f + 0x200
  mov esi, .template
  mov ecx, .template_end - .template
  rep movsb
  mov edi, page_g + 0x200
  mov esi, .template
  mov ecx, .template_end - .template
  rep movsb
  mov dword [page_f + 0x200 + .template_number - .template + 1], page_f
  mov dword [page_g + 0x200 + .template_number - .template + 1], page_g
  mov ecx, 5
  mov eax, page_f
  call map_window
  mov r13, WINDOW + 0x5200
  mov ebp, ${changes * 8}
.change:
  mov ebx, page_f
  test ebp, 1
  je .go
  mov ebx, page_g
.go:
  call r13
  mov edx, ebx
  call check
  dec ebp
  jne .change
  ret
.template:                          ; maps EBX where it runs
  lea eax, [rbx+3]
  mov edi, window_pt + 5*8
  mov [rdi], rax
  invlpg [r13]
.template_number:
  db 0xb8
  dd 0
  ret
.template_end:`,
  };
}

/** An instruction that begins in one page and ends in another: either is changed, the second is mapped anew. */
export function straddling({ random, heat, changes }: Making): Piece {
  const first = 1 + random.below(4);
  return {
    name: 'straddling',
    source: `
straddling:
  mov r13, WINDOW + 0x7000 - ${first}
  mov ebp, ${changes * 4 - 1}
.change:
  imul eax, ebp, 0xc2b2ae3d         ; mov eax, imm32 with the end in page_i or in page_j
  shl eax, ${8 * (first - 1)}
  mov r10d, ebp                     ; what is in the first page stays for four changes
  shr r10d, 2
  and r10d, ${2 ** (8 * (first - 1)) - 1}
  or eax, r10d
  mov r12d, eax
  mov [patch_source+1], eax
  mov byte [patch_source], 0xb8
  mov byte [patch_source+5], 0xc3
  mov esi, patch_source
  mov edi, page_h + 4096 - ${first}
  mov ecx, ${first}
  mov eax, ebp
  and eax, 3
  cmp eax, 3
  je .copy
  add esi, ecx
  xor ecx, ecx
.copy:
  rep movsb
  mov edi, page_i
  test ebp, 8
  je .second
  mov edi, page_j
.second:
  mov eax, edi
  mov ecx, ${6 - first}
  rep movsb
  mov ecx, 7
  call map_window
  mov ecx, 6
  mov eax, page_h
  call map_window
  xor ebx, ebx
  mov ecx, ${heat}
.hot:
  call r13
  add ebx, eax
  dec ecx
  jne .hot
  mov eax, ebx
  imul edx, r12d, ${heat}
  call check
  dec ebp
  jne .change
  ret`,
  };
}
