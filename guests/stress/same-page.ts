/** Code that changes code of its own page: the next instruction, a routine that is hot, the loop it is in. */
import { filler, type Making, type Piece, store } from './piece.ts';

/** The next instruction, or one a little further on in the same block. */
export function nextInstruction({ random, heat, changes }: Making): Piece {
  return {
    name: 'next_instruction',
    source: `
next_instruction:
  mov ebp, ${heat * 4 + changes}
.again:
  imul eax, ebp, 0x01000193
  mov edx, eax
  ${store(random, '.patched + 1')}
  ${filler(random, 3)}
.patched:
  db 0xb8                           ; mov eax, imm32
  dd 0
  ${filler(random, 3)}
  call check
  dec ebp
  jne .again
  ret`,
  };
}

/** A routine that was called often, changed, and called often again. */
export function hotRoutine({ random, heat, changes }: Making): Piece {
  return {
    name: 'hot_routine',
    source: `
hot_routine:
  mov ebp, ${changes}
.change:
  imul eax, ebp, 0x9e3779b1
  ${store(random, '.leaf_patched + 1')}
  imul r12d, eax, ${heat}
  xor ebx, ebx
  mov ecx, ${heat}
.hot:
  call .leaf
  add ebx, eax
  dec ecx
  jne .hot
  mov eax, ebx
  mov edx, r12d
  call check
  dec ebp
  jne .change
  ret
.leaf:
  ${filler(random, 6)}
.leaf_patched:
  db 0xb8
  dd 0
  ${filler(random, 6)}
  ret`,
  };
}

/** A loop that changes what it adds, while it is hot. */
export function ownLoop({ random, heat, changes }: Making): Piece {
  const every = 1 << (4 + random.below(5));
  return {
    name: 'own_loop',
    source: `
own_loop:
  mov eax, 1
  mov [.patched + 1], eax
  mov ebp, 1                        ; what is to be added
  xor r12d, r12d                    ; the sum it must come to
  xor ebx, ebx
  mov ecx, ${heat * changes}
.loop:
  ${filler(random, 4)}
  add r12d, ebp
.patched:
  db 0xb8
  dd 0
  add ebx, eax
  ${filler(random, 4)}
  test ecx, ${every - 1}
  jne .same
  lea ebp, [rbp*2+rcx+1]
  mov eax, ebp
  ${store(random, '.patched + 1')}
.same:
  dec ecx
  jne .loop
  mov eax, ebx
  mov edx, r12d
  jmp check`,
  };
}

/** A branch that is turned round: an instruction becomes another one, of another length. */
export function otherInstructions({ random, heat, changes }: Making): Piece {
  return {
    name: 'other_instructions',
    source: `
other_instructions:
  mov ebp, ${changes}
.change:
  mov eax, 0x90909090               ; nop nop nop nop
  xor edx, edx
  test ebp, 1
  je .store
  mov eax, 0x90ff418d               ; lea eax, [rcx-1]; nop
  mov edx, ${heat - 1}
.store:
  ${store(random, '.patched')}
  mov ebx, ${heat}
.hot:
  mov ecx, ${heat}
  xor eax, eax
  ${filler(random, 3)}
.patched:
  dd 0x90909090
  dd 0x90909090
  ${filler(random, 3)}
  dec ebx
  jne .hot
  call check
  dec ebp
  jne .change
  ret`,
  };
}
