/** The same bytes as 64-bit code and as 32-bit code: 48 is a REX prefix here and DEC EAX there. */
import { type Making, type Piece, store } from './piece.ts';

export function bothModes({ random, heat, changes }: Making): Piece {
  return {
    name: 'both_modes',
    source: `
both_modes:
  mov ebp, ${changes}
.change:
  imul eax, ebp, 77
  mov ebx, eax
  ${store(random, '.code_patched + 2')}
  mov r14d, 8                       ; 64-bit code: EBX each time
  call .call
  imul edx, ebx, ${heat}
  call check
  mov r14d, 0x18                    ; 32-bit code: one less
  call .call
  lea edx, [rbx-1]
  imul edx, edx, ${heat}
  call check
  dec ebp
  jne .change
  ret

; Calls the code below with code segment R14.
.call:
  mov dword [far_target], .code
  mov [far_target+4], r14w
  sub rsp, 8
  mov dword [rsp], .back
  mov dword [rsp+4], 8
  jmp far [far_target]
.back:
  ret

.code:
  db 0x31, 0xc0                     ; xor eax, eax
  db 0xb9                           ; mov ecx, imm32
  dd ${heat}
.code_patched:
  db 0x48, 0x05                     ; add rax, imm32 / dec eax; add eax, imm32
  dd 0
  db 0xff, 0xc9                     ; dec ecx
  db 0x75, 0xf6                     ; jne .code_patched
  db 0xcb                           ; retf`,
  };
}
