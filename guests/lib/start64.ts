/**
 * Where kernels of our own start. PVH enters in 32-bit protected mode with paging off (docs/misc/pvh.pandoc); this goes
 * on to 64-bit mode on an identity map of the first 4 GiB, has Xen fill the hypercall page, maps shared info, and
 * continues at the kernel's main. All hypercalls are made from 64-bit mode.
 */
export const START64 = `
bits 32
entry:
  mov esp, stack_top
  ; Page tables: one PML4 entry, four 1 GiB pages.
  mov dword [pml4], pdpt + 3
  mov edi, pdpt
  mov eax, 0x83                     ; present, writable, 1 GiB
  mov ecx, 4
.page:
  mov [edi], eax
  add eax, 0x40000000
  add edi, 8
  dec ecx
  jne .page
  mov eax, cr4
  or eax, 0x20                      ; PAE
  mov cr4, eax
  mov eax, pml4
  mov cr3, eax
  mov ecx, 0xc0000080               ; EFER
  rdmsr
  or eax, 0x100                     ; LME
  wrmsr
  mov eax, cr0
  or eax, 0x80000000                ; PG
  mov cr0, eax
  lgdt [gdt_pointer]
  jmp far 8:start64

bits 64
start64:
  mov eax, 16
  mov ss, ax
  mov ds, ax
  mov es, ax
  mov rsp, stack_top
  call find_xen
  call map_shared_info
  jmp main

; Finds Xen's CPUID leaves (public/arch-x86/cpuid.h) and has Xen fill the hypercall page.
find_xen:
  mov esi, 0x40000000
.base:
  mov eax, esi
  cpuid
  cmp ebx, 0x566e6558               ; 'XenV'
  jne .next
  cmp ecx, 0x65584d4d               ; 'MMXe'
  jne .next
  cmp edx, 0x4d4d566e               ; 'nVMM'
  je .found
.next:
  add esi, 0x100
  cmp esi, 0x40010000
  jb .base
  jmp die
.found:
  lea eax, [rsi+2]
  cpuid
  mov ecx, ebx                      ; the MSR to write
  mov eax, hypercall_page
  xor edx, edx
  wrmsr
  ret

; RAX: number; RDI, RSI, RDX: arguments; RAX: result.
hypercall:
  shl eax, 5
  add eax, hypercall_page
  jmp rax

; XENMEM_add_to_physmap: Xen's shared info page takes the place of one of ours.
map_shared_info:
  mov edi, XENMEM_add_to_physmap
  mov rsi, add_to_physmap
  mov eax, HYPERVISOR_memory_op
  call hypercall
  test eax, eax
  jne die
  ret

die:
  ud2

align 8
gdt:
  dq 0, 0x00af9a000000ffff, 0x00cf92000000ffff
gdt_pointer:
  dw gdt_pointer - gdt - 1
  dd gdt
align 8
add_to_physmap:
  dw DOMID_SELF, 0
  dd XENMAPSPACE_shared_info
  dq 0, shared_info / 4096
`;

/** Page tables, the hypercall page, shared info and the stack. */
export const START64_PAGES = `
align 4096
pml4:
  resb 4096
pdpt:
  resb 4096
hypercall_page:
  resb 4096
shared_info:
  resb 4096
  resb 4096
stack_top:
`;
