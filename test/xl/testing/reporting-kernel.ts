import { pvhElf } from '../../../guests/lib/elf.ts';
import { CONSOLE } from '../../../guests/hello/console.ts';
import { SYMBOLS } from '../../../guests/hello/symbols.ts';
import { PARAMS } from '../../../guests/lib/params.ts';
import { START64, START64_PAGES } from '../../../guests/lib/start64.ts';
import { SHUTDOWN_crash, SHUTDOWN_poweroff } from '../../../src/abi/sched.ts';
import { Assembler } from '../../../src/cpu/decode/assembler.ts';
import { ALL_INSTRUCTIONS } from '../../../src/cpu/instructions/all.ts';

const ADDRESS = 0x100000;

/** How a kernel of a test suite ends: by its word, the last on its console, and by its shutdown. */
export interface Report {
  readonly word: 'SUCCESS' | 'ABORT';
  /** How often it prints its command line before. */
  readonly lines: number;
}

/**
 * A kernel that reports as unikernels' tests do: it prints its command line, then its word, and in the next instruction
 * shuts down, by SHUTDOWN_poweroff after 'SUCCESS' and SHUTDOWN_crash after 'ABORT'.
 */
export function reportingKernel({ word, lines }: Report): Uint8Array {
  const source = [ENTRY, START64, PARAMS, CONSOLE, MAIN, START64_PAGES].join('\n');
  const reason = word === 'SUCCESS' ? SHUTDOWN_poweroff : SHUTDOWN_crash;
  const { bytes, symbols } = new Assembler(ALL_INSTRUCTIONS).assemble(source.replace('WORD', word), {
    origin: ADDRESS,
    width: 32,
    symbols: { ...SYMBOLS, LINES: lines, REASON: reason },
  });
  return pvhElf(bytes, ADDRESS, Number(symbols.get('from_start_info')));
}

/** PVH hands over hvm_start_info in EBX (docs/misc/pvh.pandoc). */
const ENTRY = `
bits 32
from_start_info:
  mov [start_info], ebx
  jmp entry
`;

const MAIN = `
HVM_START_INFO_CMDLINE equ 0x18     ; public/arch-x86/hvm/start_info.h: cmdline_paddr

main:
  call console_open
.line:
  mov ebx, [start_info]
  mov rsi, [rbx+HVM_START_INFO_CMDLINE]
  call print
  mov al, 10
  call print_char
  dec dword [left]
  jne .line
  mov rsi, text_word
  call print
  mov edi, SCHEDOP_shutdown
  mov rsi, shutdown_reason
  mov eax, HYPERVISOR_sched_op
  call hypercall
  jmp die

align 8
start_info:
  dq 0
left:
  dd LINES
shutdown_reason:
  dd REASON
text_word:
  db 'WORD', 10, 0
`;
