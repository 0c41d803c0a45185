import { Assembler } from '../../../src/cpu/decode/assembler.ts';
import { ALL_INSTRUCTIONS } from '../../../src/cpu/instructions/all.ts';

/**
 * A program for 64-bit Linux, without libraries, that does what `kexec -s -l` and `kexec -e` do: it loads /boot/vmlinuz
 * with /boot/initramfs.cpio and the command line it is given (kexec_file_load(2)), and has the kernel become that one
 * (reboot(2)). It exits with 1 where the kernel does not want to.
 */
export function kexecProgram(): Uint8Array {
  return new Assembler(ALL_INSTRUCTIONS).assemble(SOURCE, { width: 64 }).bytes;
}

const SOURCE = `
bits 64
org 0x400000

SYS_open equ 2
SYS_exit equ 60
SYS_reboot equ 169
SYS_kexec_file_load equ 320
LINUX_REBOOT_MAGIC1 equ 0xfee1dead
LINUX_REBOOT_MAGIC2 equ 672274793
LINUX_REBOOT_CMD_KEXEC equ 0x45584543

file:                     ; Elf64_Ehdr
  db 0x7f, 'ELF', 2, 1, 1
  times 9 db 0
  dw 2, 62                ; ET_EXEC, EM_X86_64
  dd 1
  dq start, 64, 0
  dd 0
  dw 64, 56, 1, 0, 0, 0
  dd 1, 5                 ; Elf64_Phdr: PT_LOAD, readable and executable
  dq 0, file, file, end - file, end - file, 4096

start:
  mov r10, [rsp+16]       ; the first argument
  mov r12, r10
.measure:
  inc r12
  cmp byte [r12-1], 0
  jne .measure
  sub r12, r10            ; its length, with the NUL

  mov edi, kernel
  call open
  mov ebx, eax
  mov edi, initramfs
  call open
  mov esi, eax
  mov edi, ebx
  mov rdx, r12
  xor r8d, r8d
  mov eax, SYS_kexec_file_load
  syscall
  test eax, eax
  jne .refused

  mov edi, LINUX_REBOOT_MAGIC1
  mov esi, LINUX_REBOOT_MAGIC2
  mov edx, LINUX_REBOOT_CMD_KEXEC
  mov eax, SYS_reboot
  syscall
.refused:
  mov edi, 1
  mov eax, SYS_exit
  syscall

open:
  xor esi, esi
  mov eax, SYS_open
  syscall
  ret

kernel:
  db '/boot/vmlinuz', 0
initramfs:
  db '/boot/initramfs.cpio', 0
end:
`;
