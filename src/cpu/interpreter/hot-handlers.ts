/**
 * Handlers that live in the interpreter's one big function, most executed first: what a boot of Debian's cloud kernel
 * and some minutes of busybox (awk, sha256sum, gzip, sort, forks) spend 99.5 % of their instructions in. All others
 * are functions of their own: a call costs them some nanoseconds, and the big function compiles in a fifth of the time.
 * Measured by tools/hot-handlers.ts.
 */
export const HOT_HANDLERS: readonly string[] = `
MOV gpr64.0,gpr64.1
ADD gpr64.0,gpr64.1
JNE rel64 operandSize=64
MOV gpr32.0,gpr32.1
MOV gpr64.0,m64.2
JE rel64 operandSize=64
PUSH gpr64.0 stackSize=64
POP gpr64.0 stackSize=64
IMUL gpr64.0,gpr64.1
SHR gpr64.0,i8
CMP gpr64.0,gpr64.1
MOV m64.2,gpr64.0
XOR gpr32.0,gpr32.1
MOV gpr32.0,m32.2
RET operandSize=64 stackSize=64
CALL rel64 operandSize=64 stackSize=64
MOVSXD gpr64.0,gpr32.1
ADD gpr32.0,i32
JMP rel64 operandSize=64
ADD gpr64.0,i64
TEST gpr64.0,gpr64.1
MOV gpr64.0,m64.3
MOVZX gpr32.0,gpr8.1
LEA gpr64.0,m64.3
MOVZX gpr32.0,m8.2
SHL gpr64.0,i8
SETB gpr8.0
LEA gpr64.0,m64.2
SUB gpr64.0,gpr64.1
AND gpr32.0,i32
JAE rel64 operandSize=64
MOV m32.2,gpr32.0
CMOVAE gpr64.0,gpr64.1
TEST gpr32.0,gpr32.1
NOP m64.3
ADC gpr64.0,gpr64.1
CMP gpr32.0,i32
JB rel64 operandSize=64
TEST gpr8.0,gpr8.1
MOV gpr32.0,i32
SUB gpr64.0,i64
CMP gpr32.0,gpr32.1
MOV gpr64.0,m64.1
ADD gpr32.0,gpr32.1
CMP gpr64.0,i64
TEST gpr8=0,i8
DEC gpr32.0
MOVZX gpr32.0,m16.3
MOV gpr8.0,m8.2
JA rel64 operandSize=64
MOV gpr64.0,m64.4
MOV m64.3,gpr64.0
CMP m32.2,gpr32.0
JNS rel64 operandSize=64
ADD gpr64.0,m64.2
JBE rel64 operandSize=64
AND gpr32=0,i32
BT m32.2,i8 addressSize=64
CMP m8.2,i8
LEA gpr32.0,m64.2
JS rel64 operandSize=64
TEST m8.2,i8
CMP m8.3,gpr8.0
MOV m64.2,i64
ROL gpr32.0,i8
AND gpr64.0,i64
MOV m32.2,i32
NOP
MOVD xmm128.0,m32.3
CMP m64.2,gpr64.0
ADD gpr64.0,m64.3
SUB gpr64.0,m64.1
ROR gpr32.0,i8
TEST gpr8.0,i8
PXOR xmm128.0,xmm128.1
JLE rel64 operandSize=64
CMP gpr8=0,i8
SUB gpr32.0,gpr32.1
INC gpr64.0
MOV gpr64.0,i64
PADDD xmm128.0,xmm128.1
MOVZX gpr32.0,m8.3
MOV m16.3,gpr16.0
LEA gpr64.0,m64.4
SUB gpr32.0,i32
AND gpr32.0,gpr32.1
SHR gpr32.0,i8
TEST gpr32=0,i32
ADC gpr64.0,i64
MOV gpr64.0,i64w
CMP gpr64.0,m64.2
CMP m64.2,i64
CMP gpr32=0,i32
MOV m8.2,gpr8.0
NOP m64.2
PUNPCKLDQ xmm128.0,xmm128.1
CMP m32.2,i32
AND gpr64.0,gpr64.1
OR gpr64.0,gpr64.1
MOV m8.2,i8
PSHUFD xmm128.0,xmm128.1,i8
CMP gpr64.0,m64.4
JG rel64 operandSize=64
OR gpr8.0,i8
MOVSXD gpr64.0,m32.3
NOT gpr64.0
CMP gpr8.0,i8
MOV gpr32.0,m32.1
TEST gpr32.0,i32
INC gpr32.0
LEA gpr32.0,m64.3
CMP gpr32.0,m32.2
MOVDQA xmm128.0,xmm128.1
NEG gpr32.0
SHL gpr32.0,i8
SAR gpr64.0,i8
POR xmm128.0,xmm128.1
ADD gpr64.0,m64.4
JMP gpr64.0
MOVSXD gpr64.0,m32.2
CMP gpr8.0,m8.3
ADD gpr32.0,m32.3
JGE rel64 operandSize=64
XOR gpr32.0,m32.3
PUNPCKLQDQ xmm128.0,xmm128.1
NEG gpr64.0
ADD gpr32.0,m32.2
MOVZX gpr32.0,m16.2
MOV gpr32.0,m32.4
PSHUFB xmm128.0,xmm128.1
MOV gpr32.0,m32.3
CMP m8.2,gpr8.0
MOV gpr16.0,m16.3
XOR gpr64.0,m64.2
OR gpr32.0,gpr32.1
TEST gpr16.0,gpr16.1
PCMPEQB xmm128.0,xmm128.1
CMP gpr16.0,gpr16.1
CMOVB gpr32.0,gpr32.1
CMP m8.4,i8
CBW gpr64=0
ADD gpr16=0,i16
XOR gpr64.0,m64.3
TEST gpr64.0,i64
CMOVB gpr64.0,gpr64.1
XOR gpr64.0,gpr64.1
SETNE gpr8.0
ADD m32.2,i32
SETE gpr8.0
SAR gpr64.0,=1
MOVDQU xmm128.0,m128.2
CMP m64.1,i64
INC m32.1
SAR gpr32.0,i8
MOV m32.1,gpr32.0
AND gpr64=0,i64
SHR gpr64.0,gpr8=1
CMP gpr64=0,i64
SBB gpr32.0,gpr32.1
DEC m32.1
MOV m16.2,gpr16.0
JL rel64 operandSize=64
SHR gpr64.0,=1
MOV gpr8.0,m8.3
MOVQ m64.2,xmm128.0
SHL gpr32.0,gpr8=1
CMOVNE gpr32.0,gpr32.1
JMP m64.4
NOT gpr32.0
ADD gpr64=0,i64
CMP gpr8.0,gpr8.1
MOV m8.3,gpr8.0
MOVQ xmm128.0,m64.2
SUB m32.2,i32
MOVSX gpr64.0,m8.2
OR gpr32.0,i32
PMOVMSKB gpr32.0,xmm128.1
MOVD xmm128.0,gpr32.1
CALL gpr64.0 stackSize=64
SUB m32.2,gpr32.0
CMPXCHG m32.2,gpr32.0
ADD m32.2,gpr32.0
ADD m64.2,gpr64.0
DEC m32.2
MOVSX gpr32.0,gpr8.1
ADD gpr32=0,i32
SHR gpr32.0,gpr8=1
TEST m8.3,i8
BSF gpr32.0,gpr32.1
XOR gpr8.0,gpr8.1
MOVUPS m128.2,xmm128.0
MOV m32.3,gpr32.0
SUB gpr64.0,m64.4
CALL m64.2 stackSize=64
SHL gpr64.0,gpr8=1
INC m32.2
CLI
TEST m64.2,i64
PUSHF operandSize=64 stackSize=64
MOV gpr8.0,m8.1
OR m32.2,i32
XOR gpr32.0,i32
CMOVA gpr64.0,gpr64.1
CMOVS gpr64.0,gpr64.1
OR gpr32.0,m32.2
SUB gpr64.0,m64.2
OR m8.2,i8
BTS m64.2,i8 addressSize=64
ADD gpr64.0,m64.1
STI
CMP m64.4,gpr64.0
TEST m32.2,i32
AND gpr64.0,m64.4
OR gpr64.0,i64
AND m8.2,i8
DEC gpr64.0
BSWAP gpr64.0
AND gpr32.0,m32.2
CMOVA gpr32.0,gpr32.1
MOVAPS m128.2,xmm128.0
ADD m64.2,i64
CMOVAE gpr32.0,gpr32.1
AND gpr8.0,i8
MOV m64.4,gpr64.0
MOV gpr16.0,m16.2
AND gpr64.0,m64.2
PUNPCKLBW xmm128.0,xmm128.1
PUNPCKLWD xmm128.0,xmm128.1
OR gpr8.0,gpr8.1
INC m16.3
TEST m8.4,i8
CMOVE gpr64.0,gpr64.1
MOVQ xmm128.0,gpr64.1
CMOVNE gpr64.0,gpr64.1
PUSH m64.2 stackSize=64
CMP gpr16=0,i16
BT gpr64.0,i8 addressSize=64
SUB m32.3,i32
ADC gpr32.0,i32
ADD m32.3,gpr32.0
CMOVNE gpr32.0,m32.2
CMP gpr16.0,i16
SHL m8.2,=1
PUSH i64 stackSize=64
SUB gpr32=0,i32
MOVAPS xmm128.0,xmm128.1
CMP m64.3,gpr64.0
XOR gpr32.0,m32.2
BSF gpr64.0,gpr64.1
ADD m64.1,gpr64.0
BSWAP gpr32.0
CMP m64.4,i64
CMPXCHG m64.2,gpr64.0
AND m32.2,i32
XOR gpr8.0,i8
MOVSX gpr64.0,gpr8.1
SUB gpr64=0,i64
SUB gpr32.0,m32.2
BT m64.2,gpr64.0 addressSize=64
MOV gpr8.0,gpr8.1
MOV m64.1,gpr64.0
CMOVBE gpr64.0,gpr64.1
BT gpr32.0,i8 addressSize=64
SHR gpr8.0,=1
MOVZX gpr32.0,gpr16.1
SWAPGS
OR gpr64.0,m64.2
SBB gpr64.0,gpr64.1
CMOVE gpr32.0,gpr32.1
XADD m64.2,gpr64.0
AND gpr16=0,i16
MOVDQA xmm128.0,m128.2
BTR m64.2,i8 addressSize=64
CMOVE gpr32.0,m32.4
XOR gpr8.0,m8.2
SETNE m8.2
CALL m64.4 stackSize=64
CMOVNE gpr64.0,m64.2
XORPS xmm128.0,xmm128.1
INC m64.1
CMP m64.3,i64
CMOVG gpr64.0,gpr64.1
MUL gpr64.0
CMOVG gpr32.0,gpr32.1
CMOVS gpr32.0,gpr32.1
MOVDQA xmm128.0,m128.4
MOVDQU m128.2,xmm128.0
MOV m8.3,i8
SETAE gpr8.0
MOVAPS xmm128.0,m128.2
BT gpr64.0,gpr64.1 addressSize=64
SETG gpr8.0
CMOVL gpr64.0,gpr64.1
CMP m8.3,i8
XADD m32.1,gpr32.0
AND gpr8.0,gpr8.1
CMP m16.2,i16
MOVQ gpr64.0,xmm128.1
MOV m8.1,gpr8.0
MOVSXD gpr64.0,m32.4
MOVZX gpr32.0,m16.4
BTR m64.2,gpr64.0 addressSize=64
XOR gpr64.0,i64
STAC
CLAC
MOV m8.1,i8
BSR gpr64.0,m64.3
ADD gpr16.0,i16
SUB gpr32.0,m32.3
OR m8.2,gpr8.0
OR gpr64.0,m64.4
SAR gpr32.0,=1
MOVSX gpr32.0,m8.2
CMP gpr8.0,m8.2
AND gpr8.0,m8.4
ROL gpr32.0,=1
MOVQ xmm128.0,m64.4
SETP gpr8.0
MOV m64.4,i64
MOV m32.4,gpr32.0
LEAVE operandSize=64 stackSize=64
MOV m64.1,i64
MOVZX gpr32.0,m8.4
CMOVLE gpr64.0,gpr64.1
SHR gpr8.0,i8
IMUL gpr32.0,gpr32.1,i32
AND gpr32.0,m32.4
IMUL gpr64.0,gpr64.1,i64
ROL gpr64.0,i8
CMP gpr32.0,m32.3
CMOVNS gpr32.0,gpr32.1
MOV gpr16.0,m16.1
CMOVBE gpr32.0,gpr32.1
SAR gpr64.0,gpr8=1
SHR gpr16.0,i8
SUB m64.2,i64
BT m64.4,gpr64.0 addressSize=64
SHR gpr32.0,=1
SUB m64.2,gpr64.0
AND gpr64.0,m64.3
SBB gpr64.0,i64
CMP m16.2,gpr16.0
CMP m16.3,gpr16.0
XOR gpr8.0,m8.3
XOR gpr16.0,m16.3
CMOVGE gpr64.0,gpr64.1
XADD m32.2,gpr32.0
SAR gpr32.0,gpr8=1
CMP m32.4,i32
AND gpr8=0,i8
TEST gpr64=0,i64
XCHG m32.2,gpr32.0
PXOR xmm128.0,m128.4
OR gpr16.0,m16.2
MOV m16.2,i16
SETA gpr8.0
PUSH m64.1 stackSize=64
CMOVGE gpr32.0,gpr32.1
CMP gpr64.0,m64.3
ADD m64.3,gpr64.0
CMOVAE gpr64.0,m64.2
SBB gpr32.0,i32
XCHG m64.2,gpr64.0
AND gpr16.0,i16
CMP gpr32.0,m32.4
ADD gpr8.0,gpr8.1
SAR m16.2,=1
MOV m16.1,gpr16.0
OR m64.2,i64
BTS m64.2,gpr64.0 addressSize=64
SETE m8.2
AND gpr16.0,m16.3
MOVUPS xmm128.0,m128.3
CMOVE gpr64.0,m64.2
OR gpr8=0,i8
SETBE gpr8.0
XOR m8.2,i8
XOR m8.3,i8
MOV gpr8.0,i8
CMP m32.4,gpr32.0
`
  .trim()
  .split('\n');
