/**
 * Handlers that live in the interpreter's one big function, most executed first: where a boot of Debian's cloud kernel
 * and the suite of bench/ (system calls, pipes, forks, page faults, busybox) are not in regions, 99.3 % of their
 * instructions. All others are functions of their own: a call costs them some nanoseconds, and the big function compiles
 * in a fifth of the time.
 * Measured by tools/hot-handlers.ts.
 */
export const HOT_HANDLERS: readonly string[] = `
MOV gpr64.0,gpr64.1
MOV gpr64.0,m64.2
JE rel64 operandSize=64
PUSH gpr64.0 stackSize=64
POP gpr64.0 stackSize=64
JNE rel64 operandSize=64
MOV gpr32.0,gpr32.1
CALL rel64 operandSize=64 stackSize=64
MOV m64.2,gpr64.0
XOR gpr32.0,gpr32.1
MOV gpr32.0,m32.2
JMP rel64 operandSize=64
NOP m64.3
TEST gpr64.0,gpr64.1
CMP gpr64.0,gpr64.1
RET operandSize=64 stackSize=64
ADD gpr64.0,i64
LEA gpr64.0,m64.2
ADD gpr64.0,gpr64.1
MOV gpr32.0,i32
TEST gpr32.0,gpr32.1
AND gpr32.0,i32
ADD gpr32.0,gpr32.1
MOV m64.2,i64
MOV m32.2,gpr32.0
CMP gpr32.0,i32
MOVZX gpr32.0,m8.2
LEA gpr64.0,m64.3
SHR gpr64.0,i8
MOV gpr64.0,m64.1
TEST gpr8.0,gpr8.1
JAE rel64 operandSize=64
CMP gpr64.0,i64
SUB gpr64.0,i64
SHL gpr64.0,i8
JB rel64 operandSize=64
SUB gpr64.0,gpr64.1
MOVSXD gpr64.0,gpr32.1
ADD gpr32.0,i32
CMP gpr32.0,gpr32.1
NOP
MOV gpr64.0,m64.3
JA rel64 operandSize=64
MOV gpr64.0,m64.4
TEST m8.2,i8
AND gpr64.0,i64
ROR gpr32.0,i8
TEST gpr8.0,i8
LEA gpr32.0,m64.2
IMUL gpr64.0,gpr64.1
TEST gpr8=0,i8
MOVZX gpr32.0,gpr8.1
JBE rel64 operandSize=64
MOV gpr64.0,i64
ROL gpr32.0,i8
CMP m64.2,i64
CMP m8.2,i8
MOV m32.2,i32
XOR gpr64.0,gpr64.1
MOV gpr64.0,i64w
SUB gpr64.0,m64.1
NOP m64.2
CMP m64.2,gpr64.0
SUB gpr32.0,gpr32.1
MOV m8.2,gpr8.0
AND gpr64.0,gpr64.1
TEST gpr32=0,i32
OR gpr64.0,gpr64.1
MOVZX gpr32.0,m8.3
JLE rel64 operandSize=64
CMP gpr8=0,i8
MOV m8.2,i8
CMP gpr8.0,i8
TEST gpr32.0,i32
SHR gpr32.0,i8
CMP m32.2,i32
MOVSXD gpr64.0,m32.2
AND gpr32.0,gpr32.1
MOV gpr32.0,m32.4
SUB gpr32.0,i32
AND gpr32=0,i32
JS rel64 operandSize=64
CMP gpr64=0,i64
LEA gpr32.0,m64.3
PXOR xmm128.0,xmm128.1
SAR gpr64.0,i8
INC m32.1
DEC m32.1
MOV gpr32.0,m32.1
CALL gpr64.0 stackSize=64
INC gpr64.0
JG rel64 operandSize=64
MOVD xmm128.0,m32.3
MOVZX gpr32.0,m16.2
SETE gpr8.0
SETNE gpr8.0
CMP m32.2,gpr32.0
ADD gpr64.0,m64.4
CMP gpr64.0,m64.2
CMP gpr32.0,m32.2
MOV m16.2,gpr16.0
XOR gpr8.0,gpr8.1
NOT gpr64.0
MOV m64.3,gpr64.0
MOV gpr8.0,m8.2
LEA gpr64.0,m64.4
ADD gpr64.0,m64.2
SHR gpr64.0,gpr8=1
PADDD xmm128.0,xmm128.1
AND gpr64=0,i64
MOV gpr32.0,m32.3
OR gpr32.0,gpr32.1
CMP gpr8.0,gpr8.1
SUB gpr64.0,m64.4
TEST gpr64.0,i64
DEC gpr32.0
JNS rel64 operandSize=64
ADD m64.2,i64
SHL gpr32.0,gpr8=1
ADD m64.2,gpr64.0
MOV gpr8.0,m8.1
CBW gpr64=0
CMP gpr32=0,i32
CMOVAE gpr64.0,gpr64.1
SETB gpr8.0
ADD m32.2,i32
PMOVMSKB gpr32.0,xmm128.1
CMP gpr8.0,m8.3
TEST m32.2,i32
MOVAPS m128.2,xmm128.0
MUL gpr64.0
SHL gpr32.0,i8
PUNPCKLDQ xmm128.0,xmm128.1
ADD gpr64.0,m64.1
PCMPEQB xmm128.0,xmm128.1
SHR gpr64.0,=1
MOVZX gpr32.0,m16.3
MOVDQA xmm128.0,xmm128.1
SAR gpr64.0,=1
XOR gpr32.0,m32.3
SUB gpr64.0,m64.2
MOVSXD gpr64.0,m32.3
OR gpr64.0,m64.2
CLI
MOVDQU xmm128.0,m128.2
SBB gpr32.0,gpr32.1
AND gpr8.0,i8
ADD gpr32.0,m32.2
JMP gpr64.0
STI
OR gpr64.0,i64
JL rel64 operandSize=64
CMOVA gpr64.0,gpr64.1
SHL gpr64.0,gpr8=1
PSHUFD xmm128.0,xmm128.1,i8
MOV m64.1,gpr64.0
PUNPCKLQDQ xmm128.0,xmm128.1
BSWAP gpr64.0
CMP gpr16.0,i16
MOV m16.3,gpr16.0
NEG gpr64.0
CMOVNE gpr64.0,gpr64.1
MOVAPS xmm128.0,m128.2
POR xmm128.0,xmm128.1
ADD gpr64.0,m64.3
CMOVE gpr64.0,gpr64.1
CMOVNE gpr32.0,gpr32.1
CMP gpr64.0,m64.4
OR gpr32.0,i32
CMOVS gpr64.0,gpr64.1
CMOVB gpr64.0,gpr64.1
MOV gpr8.0,m8.3
ADD m64.1,gpr64.0
SHR gpr32.0,gpr8=1
ADD gpr32.0,m32.3
JGE rel64 operandSize=64
XOR gpr32.0,i32
JMP m64.4
CMP m8.3,gpr8.0
XOR gpr32.0,m32.2
SWAPGS
NEG gpr32.0
OR m32.2,i32
CMOVB gpr32.0,gpr32.1
PUSHF operandSize=64 stackSize=64
MOV m64.4,gpr64.0
BSF gpr64.0,gpr64.1
BTR m64.2,i8 addressSize=64
OR m8.2,i8
NOT gpr32.0
ADD m32.2,gpr32.0
CMP m8.2,gpr8.0
MOV m32.3,gpr32.0
AND m8.2,i8
IMUL gpr64.0,gpr64.1,i64
CMOVBE gpr64.0,gpr64.1
PUSH m64.2 stackSize=64
BTS m64.2,i8 addressSize=64
XOR gpr8.0,i8
XOR gpr64.0,m64.2
TEST m64.2,i64
MOVSX gpr64.0,m8.2
BT gpr64.0,i8 addressSize=64
AND m32.2,i32
SUB m32.2,i32
PSHUFB xmm128.0,xmm128.1
MOVSX gpr64.0,gpr8.1
MOV gpr8.0,gpr8.1
MOVQ xmm128.0,gpr64.1
CLAC
CMPXCHG m32.2,gpr32.0
SUB m32.2,gpr32.0
PUSH i64 stackSize=64
ADD gpr64=0,i64
INC gpr32.0
SUB gpr32.0,m32.2
DEC m32.2
SETAE gpr8.0
MOVAPS xmm128.0,xmm128.1
BT m64.2,gpr64.0 addressSize=64
AND gpr64.0,m64.4
XOR gpr64.0,m64.3
STAC
BTR m64.2,gpr64.0 addressSize=64
CMP gpr16.0,gpr16.1
MOV gpr16.0,m16.3
XORPS xmm128.0,xmm128.1
ADC gpr64.0,gpr64.1
TEST m8.4,i8
DEC gpr64.0
OR gpr16.0,m16.2
MOVZX gpr32.0,gpr16.1
CMP m8.4,i8
BT m32.2,i8 addressSize=64
CMP gpr16=0,i16
XOR gpr8.0,m8.2
CMPXCHG m64.2,gpr64.0
ADD gpr16=0,i16
MOV m8.3,gpr8.0
INC m64.1
CMP m16.2,i16
MOVUPS m128.2,xmm128.0
TEST gpr16.0,gpr16.1
SBB gpr64.0,gpr64.1
BSF gpr32.0,gpr32.1
PCMPEQB xmm128.0,m128.2
SAR gpr32.0,i8
INC m32.2
AND gpr16=0,i16
MOVDQA xmm128.0,m128.4
BT m64.4,gpr64.0 addressSize=64
CMOVE gpr32.0,gpr32.1
OR gpr64.0,m64.4
CMOVG gpr32.0,gpr32.1
SHR gpr8.0,i8
MOVZX gpr32.0,m16.4
XADD m32.1,gpr32.0
MOV m8.1,gpr8.0
SUB gpr64=0,i64
MOVSXD gpr64.0,m32.4
CMOVA gpr32.0,gpr32.1
CALL m64.4 stackSize=64
MOV m64.1,i64
CMOVLE gpr64.0,gpr64.1
OR gpr32.0,m32.2
BSWAP gpr32.0
SETNE m8.2
MOV m8.1,i8
ADC gpr64.0,i64
MOVQ gpr64.0,xmm128.1
CMOVNE gpr64.0,m64.2
INC m64.2
XADD m64.2,gpr64.0
MOVD xmm128.0,gpr32.1
OR gpr8.0,i8
SETBE gpr8.0
BT gpr32.0,i8 addressSize=64
OR gpr8.0,gpr8.1
SUB m64.2,i64
IMUL gpr32.0,gpr32.1,i32
CMP m32.3,gpr32.0
SETP gpr8.0
CALL m64.2 stackSize=64
AND gpr8.0,gpr8.1
AND gpr32.0,m32.4
CMP m64.3,gpr64.0
TEST m8.3,i8
CMP m32.4,i32
ROL gpr32.0,=1
SETAE m8.2
AND gpr64.0,m64.2
SUB m64.2,gpr64.0
CMOVAE gpr32.0,gpr32.1
SAR gpr32.0,=1
SAR gpr64.0,gpr8=1
MOV m32.4,gpr32.0
ADD gpr32=0,i32
MOV m64.4,i64
CMP m64.3,i64
CMOVNS gpr32.0,gpr32.1
CMOVS gpr32.0,gpr32.1
CMP m64.4,gpr64.0
SBB gpr32.0,i32
CMOVBE gpr32.0,gpr32.1
ADD gpr8.0,gpr8.1
SHR gpr16.0,i8
LEAVE operandSize=64 stackSize=64
MOVSX gpr32.0,gpr8.1
BTS m64.2,gpr64.0 addressSize=64
AND gpr32.0,m32.2
XADD m32.2,gpr32.0
CMOVE gpr64.0,m64.2
BTS gpr64.0,i8 addressSize=64
MOVUPS xmm128.0,m128.3
CMP m64.4,i64
MOVSX gpr32.0,m8.2
CMP gpr8.0,m8.2
XOR gpr8.0,m8.3
XOR gpr16.0,m16.3
CMP gpr32.0,m32.3
MOV gpr16.0,m16.2
PUNPCKLBW xmm128.0,xmm128.1
MOVUPS xmm128.0,m128.2
ROL gpr64.0,i8
MOVUPS m128.3,xmm128.0
PUNPCKLWD xmm128.0,xmm128.1
CMOVGE gpr32.0,gpr32.1
AND gpr16.0,i16
SAR gpr32.0,gpr8=1
MOV gpr16.0,m16.1
CMOVE gpr32.0,m32.4
PXOR xmm128.0,m128.4
OR m32.1,i32
SUB m64.3,i64
XCHG gpr64.0,gpr64.1
AND gpr8=0,i8
SHR gpr8.0,=1
XCHG m32.2,gpr32.0
MOVZX gpr32.0,m8.4
CMP m64.1,i64
CMOVG gpr64.0,gpr64.1
AND gpr8.0,m8.4
SAR m16.2,=1
ADD m64.3,i64
CMOVAE gpr64.0,m64.2
MOVDQA xmm128.0,m128.2
TEST gpr64=0,i64
SETG gpr8.0
SUB gpr32.0,m32.3
MOV m8.3,i8
ADD m64.3,gpr64.0
SETE m8.2
CMP gpr32.0,m32.4
CMOVL gpr64.0,gpr64.1
SUB m32.3,i32
ADC gpr32.0,i32
SHR gpr32.0,=1
CMP m8.3,i8
XOR m8.2,i8
PUSH m64.1 stackSize=64
XOR m8.3,i8
CMP m32.4,gpr32.0
ADD m32.1,gpr32.0
INC m16.3
CMOVE gpr64.0,m64.4
ADD m32.3,gpr32.0
ADD m8.2,gpr8.0
AND gpr64.0,m64.3
MOV m16.1,gpr16.0
SUB gpr32=0,i32
XCHG m64.2,gpr64.0
MOVSX gpr32.0,gpr16.1
CMOVNE gpr32.0,m32.2
IMUL gpr64.0,m64.3
CMOVGE gpr64.0,gpr64.1
IMUL gpr32.0,gpr32.1
MOV m32.1,gpr32.0
XOR gpr32=0,i32
SUB gpr16.0,m16.2
ADD m64.4,gpr64.0
OR m32.2,gpr32.0
OR m64.2,i64
BT gpr64.0,gpr64.1 addressSize=64
DEC m64.2
CMOVL gpr32.0,gpr32.1
MOV m64.3,i64
`
  .trim()
  .split('\n');
