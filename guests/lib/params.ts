/** What Xen and the toolstack tell an HVM or PVH guest of itself (public/hvm/params.h). */
export const PARAMS = `
; EAX: HVM_PARAM_*; RAX: its value.
get_param:
  mov [param_index], eax
  mov edi, HVMOP_get_param
  mov rsi, param
  mov eax, HYPERVISOR_hvm_op
  call hypercall
  test eax, eax
  jne die
  mov rax, [param_value]
  ret

align 8
param:
  dw DOMID_SELF, 0
param_index:
  dd 0
param_value:
  dq 0
`;
