/**
 * Pairs of hot handlers that get one handler together, the most frequent first; they come up in one of two
 * instructions. Measured by tools/hot-handlers.ts.
 */
export const HOT_PAIRS: readonly (readonly [string, string])[] = `
POP gpr64.0 stackSize=64 ; POP gpr64.0 stackSize=64
MOV gpr64.0,gpr64.1 ; MOV gpr32.0,gpr32.1
ADD gpr64.0,gpr64.1 ; CMP gpr64.0,gpr64.1
IMUL gpr64.0,gpr64.1 ; IMUL gpr64.0,gpr64.1
MOV gpr32.0,gpr32.1 ; SHR gpr64.0,i8
IMUL gpr64.0,gpr64.1 ; MOV gpr64.0,gpr64.1
MOV gpr64.0,gpr64.1 ; IMUL gpr64.0,gpr64.1
ADD gpr32.0,i32 ; JNE rel64 operandSize=64
JNE rel64 operandSize=64 ; MOVSXD gpr64.0,gpr32.1
ADD gpr64.0,gpr64.1 ; ADD gpr64.0,gpr64.1
POP gpr64.0 stackSize=64 ; RET operandSize=64 stackSize=64
SHL gpr64.0,i8 ; ADD gpr64.0,gpr64.1
ADD gpr64.0,gpr64.1 ; MOV gpr64.0,gpr64.1
MOV gpr64.0,gpr64.1 ; ADD gpr64.0,gpr64.1
CMP gpr64.0,gpr64.1 ; MOV gpr64.0,gpr64.1
MOV gpr64.0,gpr64.1 ; CMOVAE gpr64.0,gpr64.1
SHR gpr64.0,i8 ; ADD gpr64.0,gpr64.1
SHR gpr64.0,i8 ; MOV gpr64.0,gpr64.1
CMOVAE gpr64.0,gpr64.1 ; ADD gpr64.0,gpr64.1
SUB gpr64.0,gpr64.1 ; MOV gpr64.0,m64.3
ADD gpr64.0,gpr64.1 ; SHL gpr64.0,i8
ADD gpr64.0,gpr64.1 ; ADD gpr32.0,i32
LEA gpr64.0,m64.3 ; MOV gpr64.0,gpr64.1
TEST gpr64.0,gpr64.1 ; JE rel64 operandSize=64
MOV gpr64.0,m64.3 ; LEA gpr64.0,m64.3
ADD gpr64.0,gpr64.1 ; SHR gpr64.0,i8
CMP gpr64.0,gpr64.1 ; SETB gpr8.0
ADC gpr64.0,gpr64.1 ; MOV m64.2,gpr64.0
SETB gpr8.0 ; ADD gpr64.0,gpr64.1
MOV gpr64.0,gpr64.1 ; PUSH gpr64.0 stackSize=64
MOV gpr64.0,gpr64.1 ; CALL rel64 operandSize=64 stackSize=64
MOV gpr64.0,gpr64.1 ; MOV gpr64.0,gpr64.1
MOV gpr64.0,m64.2 ; MOVZX gpr32.0,gpr8.1
SHR gpr64.0,i8 ; MOV gpr64.0,m64.2
SUB gpr64.0,gpr64.1 ; ADC gpr64.0,gpr64.1
MOVZX gpr32.0,gpr8.1 ; SUB gpr64.0,gpr64.1
JE rel64 operandSize=64 ; MOV gpr64.0,m64.2
JNE rel64 operandSize=64 ; MOVZX gpr32.0,m8.2
TEST gpr32.0,gpr32.1 ; JNE rel64 operandSize=64
MOV gpr64.0,m64.2 ; MOV gpr64.0,m64.2
TEST gpr8=0,i8 ; JNE rel64 operandSize=64
CMP gpr64.0,gpr64.1 ; JNE rel64 operandSize=64
ADD gpr64.0,i64 ; POP gpr64.0 stackSize=64
MOV gpr64.0,m64.2 ; MOV gpr64.0,gpr64.1
SHR gpr64.0,i8 ; MOVZX gpr32.0,gpr8.1
MOV gpr32.0,gpr32.1 ; PUSH gpr64.0 stackSize=64
TEST gpr32.0,gpr32.1 ; JE rel64 operandSize=64
MOV gpr32.0,gpr32.1 ; MOV gpr32.0,gpr32.1
TEST gpr8.0,gpr8.1 ; JE rel64 operandSize=64
JNE rel64 operandSize=64 ; MOV gpr64.0,gpr64.1
MOV gpr64.0,gpr64.1 ; POP gpr64.0 stackSize=64
JNE rel64 operandSize=64 ; MOV gpr64.0,m64.2
MOVZX gpr32.0,m8.2 ; TEST gpr8.0,gpr8.1
CMP m32.2,gpr32.0 ; JAE rel64 operandSize=64
CMP m8.3,gpr8.0 ; JNE rel64 operandSize=64
JNE rel64 operandSize=64 ; MOV gpr32.0,gpr32.1
CMP gpr32.0,gpr32.1 ; JNE rel64 operandSize=64
JNE rel64 operandSize=64 ; ADD gpr64.0,i64
ADD gpr64.0,m64.2 ; ADC gpr64.0,gpr64.1
MOVZX gpr32.0,gpr8.1 ; ADD gpr64.0,m64.2
NOP m64.3 ; PUSH gpr64.0 stackSize=64
CMP gpr64.0,gpr64.1 ; JE rel64 operandSize=64
JNE rel64 operandSize=64 ; AND gpr32.0,i32
TEST gpr64.0,gpr64.1 ; JNE rel64 operandSize=64
MOV gpr32.0,gpr32.1 ; MOVSXD gpr64.0,gpr32.1
AND gpr32.0,i32 ; MOVZX gpr32.0,m16.3
ADD gpr64.0,gpr64.1 ; CMP m8.3,gpr8.0
MOV gpr8.0,m8.2 ; ADD gpr64.0,gpr64.1
MOVSXD gpr64.0,gpr32.1 ; MOV gpr8.0,m8.2
MOVZX gpr32.0,m16.3 ; CMP m32.2,gpr32.0
DEC gpr32.0 ; JNE rel64 operandSize=64
JAE rel64 operandSize=64 ; DEC gpr32.0
JE rel64 operandSize=64 ; MOV gpr64.0,gpr64.1
MOVZX gpr32.0,m8.2 ; MOVD xmm128.0,m32.3
MOV gpr32.0,m32.2 ; AND gpr32=0,i32
CMP gpr64.0,gpr64.1 ; JB rel64 operandSize=64
MOV gpr64.0,m64.1 ; MOV m64.2,gpr64.0
TEST m8.2,i8 ; JNE rel64 operandSize=64
XOR gpr32.0,gpr32.1 ; MOV gpr32.0,gpr32.1
MOV gpr64.0,m64.2 ; SUB gpr64.0,m64.1
CMP gpr64.0,gpr64.1 ; JAE rel64 operandSize=64
MOV gpr32.0,m32.2 ; MOV gpr32.0,m32.2
ADD gpr32.0,i32 ; MOVSXD gpr64.0,gpr32.1
CMP m8.2,i8 ; JNE rel64 operandSize=64
JE rel64 operandSize=64 ; ADD gpr64.0,i64
CMP gpr32.0,i32 ; JE rel64 operandSize=64
MOVSXD gpr64.0,gpr32.1 ; ADD gpr64.0,gpr64.1
MOV gpr64.0,m64.2 ; TEST gpr8=0,i8
ADD gpr32.0,i32 ; ADD gpr32.0,i32
ADD gpr64.0,gpr64.1 ; CMP gpr32.0,gpr32.1
TEST gpr8.0,gpr8.1 ; JNS rel64 operandSize=64
JNS rel64 operandSize=64 ; ADD gpr32.0,i32
BT m32.2,i8 addressSize=64 ; JB rel64 operandSize=64
JNE rel64 operandSize=64 ; MOV gpr32.0,m32.2
CMP gpr32.0,i32 ; JNE rel64 operandSize=64
MOV gpr64.0,gpr64.1 ; SUB gpr64.0,i64
MOV gpr32.0,gpr32.1 ; MOV gpr64.0,gpr64.1
JB rel64 operandSize=64 ; MOV gpr64.0,gpr64.1
JE rel64 operandSize=64 ; TEST gpr64.0,gpr64.1
MOVD xmm128.0,m32.3 ; MOVZX gpr32.0,m8.2
TEST gpr8.0,gpr8.1 ; JNE rel64 operandSize=64
MOV gpr64.0,m64.2 ; CALL rel64 operandSize=64 stackSize=64
JE rel64 operandSize=64 ; MOV gpr32.0,m32.2
MOV gpr64.0,m64.2 ; TEST gpr64.0,gpr64.1
MOV gpr32.0,m32.2 ; TEST gpr32.0,gpr32.1
SUB gpr64.0,gpr64.1 ; XOR gpr32.0,gpr32.1
ADD gpr64.0,i64 ; CMP gpr64.0,gpr64.1
MOV gpr32.0,m32.2 ; MOV gpr64.0,m64.2
XOR gpr32.0,gpr32.1 ; MOV gpr64.0,gpr64.1
JE rel64 operandSize=64 ; XOR gpr32.0,gpr32.1
CMP gpr64.0,i64 ; JBE rel64 operandSize=64
TEST gpr8.0,i8 ; JNE rel64 operandSize=64
TEST gpr8=0,i8 ; JE rel64 operandSize=64
JE rel64 operandSize=64 ; RET operandSize=64 stackSize=64
CMP m64.2,gpr64.0 ; JE rel64 operandSize=64
ADD gpr32.0,gpr32.1 ; MOV gpr32.0,gpr32.1
MOV gpr64.0,gpr64.1 ; MOV m64.3,gpr64.0
AND gpr32.0,i32 ; JNE rel64 operandSize=64
CMP gpr32.0,i32 ; JA rel64 operandSize=64
ADD gpr64.0,m64.3 ; SETB gpr8.0
ADC gpr64.0,i64 ; ADD gpr32.0,i32
JAE rel64 operandSize=64 ; LEA gpr64.0,m64.2
CMP gpr64.0,i64 ; JE rel64 operandSize=64
SUB gpr64.0,gpr64.1 ; MOV gpr64.0,gpr64.1
MOVZX gpr32.0,m8.2 ; ADD gpr64.0,i64
POP gpr64.0 stackSize=64 ; JMP rel64 operandSize=64
ADD gpr64.0,i64 ; MOV gpr64.0,gpr64.1
ADD gpr64.0,i64 ; TEST gpr8.0,gpr8.1
SUB gpr64.0,m64.1 ; JNE rel64 operandSize=64
SUB gpr64.0,i64 ; MOV gpr64.0,m64.1
MOV gpr64.0,gpr64.1 ; SHR gpr64.0,i8
JNE rel64 operandSize=64 ; BT m32.2,i8 addressSize=64
MOV gpr64.0,gpr64.1 ; XOR gpr32.0,gpr32.1
MOV gpr64.0,gpr64.1 ; AND gpr32.0,i32
MOV gpr64.0,gpr64.1 ; AND gpr64.0,i64
NOP m64.3 ; MOV gpr64.0,m64.2
POP gpr64.0 stackSize=64 ; MOV gpr64.0,gpr64.1
MOV gpr64.0,gpr64.1 ; MOV gpr64.0,m64.2
LEA gpr64.0,m64.2 ; MOV m64.2,gpr64.0
MOV gpr64.0,m64.2 ; LEA gpr64.0,m64.2
JE rel64 operandSize=64 ; LEA gpr64.0,m64.2
MOV gpr64.0,gpr64.1 ; TEST gpr64.0,gpr64.1
MOV gpr64.0,gpr64.1 ; SUB gpr64.0,gpr64.1
PADDD xmm128.0,xmm128.1 ; PXOR xmm128.0,xmm128.1
DEC gpr32.0 ; JS rel64 operandSize=64
MOV gpr64.0,m64.2 ; CMP gpr64.0,m64.2
XOR gpr32.0,gpr32.1 ; XOR gpr32.0,gpr32.1
MOV gpr64.0,m64.2 ; MOV gpr32.0,gpr32.1
JB rel64 operandSize=64 ; MOV gpr64.0,m64.2
CMP gpr32.0,i32 ; JBE rel64 operandSize=64
CMP gpr32=0,i32 ; JA rel64 operandSize=64
MOV gpr64.0,gpr64.1 ; MOV gpr32.0,i32
JNE rel64 operandSize=64 ; POP gpr64.0 stackSize=64
LEA gpr64.0,m64.2 ; MOV gpr64.0,gpr64.1
MOV gpr32.0,gpr32.1 ; ADD gpr32.0,gpr32.1
MOV gpr64.0,gpr64.1 ; ADD gpr64.0,i64
MOV gpr32.0,gpr32.1 ; CALL rel64 operandSize=64 stackSize=64
XOR gpr32.0,gpr32.1 ; MOV m64.2,gpr64.0
MOV gpr32.0,i32 ; CALL rel64 operandSize=64 stackSize=64
ADD gpr64.0,i64 ; CALL rel64 operandSize=64 stackSize=64
CMP gpr64.0,i64 ; JNE rel64 operandSize=64
MOV gpr64.0,gpr64.1 ; JMP rel64 operandSize=64
MOV gpr32.0,gpr32.1 ; XOR gpr32.0,gpr32.1
JAE rel64 operandSize=64 ; MOV gpr64.0,m64.2
OR gpr8.0,i8 ; MOV m32.2,gpr32.0
AND gpr32=0,i32 ; OR gpr8.0,i8
MOV gpr64.0,gpr64.1 ; BT m32.2,i8 addressSize=64
ROL gpr32.0,i8 ; XOR gpr32.0,gpr32.1
SUB gpr64.0,i64 ; MOV gpr64.0,m64.2
SUB gpr64.0,m64.1 ; JE rel64 operandSize=64
XOR gpr32.0,gpr32.1 ; JMP rel64 operandSize=64
MOVZX gpr32.0,gpr8.1 ; TEST m8.2,i8
JE rel64 operandSize=64 ; CMP gpr64.0,gpr64.1
CMP gpr64.0,m64.2 ; JAE rel64 operandSize=64
AND gpr32.0,gpr32.1 ; XOR gpr32.0,gpr32.1
JNE rel64 operandSize=64 ; CMP gpr8=0,i8
MOV gpr64.0,m64.2 ; TEST gpr32=0,i32
CMP gpr8=0,i8 ; JNE rel64 operandSize=64
LEA gpr64.0,m64.2 ; SHR gpr64.0,i8
BT m32.2,i8 addressSize=64 ; JAE rel64 operandSize=64
MOV gpr64.0,gpr64.1 ; CMP gpr64.0,gpr64.1
MOV gpr64.0,m64.2 ; CMP gpr64.0,gpr64.1
CMP gpr8=0,i8 ; JE rel64 operandSize=64
JS rel64 operandSize=64 ; MOV gpr32.0,m32.2
MOVZX gpr32.0,m8.2 ; RET operandSize=64 stackSize=64
ADD gpr32.0,gpr32.1 ; XOR gpr32.0,gpr32.1
MOV gpr64.0,m64.2 ; MOV m64.2,gpr64.0
JNE rel64 operandSize=64 ; CMP gpr64.0,i64
XOR gpr32.0,gpr32.1 ; ADD gpr64.0,m64.3
ADD gpr64.0,m64.3 ; MOV gpr64.0,gpr64.1
SETB gpr8.0 ; ADD gpr64.0,m64.3
JE rel64 operandSize=64 ; POP gpr64.0 stackSize=64
JE rel64 operandSize=64 ; TEST gpr32.0,gpr32.1
JNE rel64 operandSize=64 ; NOP
NOP m64.3 ; MOV gpr64.0,m64.1
AND gpr32=0,i32 ; CMP gpr32.0,i32
JAE rel64 operandSize=64 ; MOV gpr64.0,gpr64.1
MOV gpr32.0,m32.2 ; MOV m64.2,gpr64.0
XOR gpr32.0,gpr32.1 ; RET operandSize=64 stackSize=64
TEST gpr32=0,i32 ; JNE rel64 operandSize=64
LEA gpr64.0,m64.2 ; CMP m64.2,gpr64.0
JE rel64 operandSize=64 ; MOVZX gpr32.0,m8.2
CMP m64.2,i64 ; JE rel64 operandSize=64
NOP ; MOV gpr64.0,gpr64.1
TEST gpr32.0,gpr32.1 ; JNS rel64 operandSize=64
JNE rel64 operandSize=64 ; RET operandSize=64 stackSize=64
XOR gpr32.0,gpr32.1 ; ADD gpr32.0,gpr32.1
JE rel64 operandSize=64 ; JMP rel64 operandSize=64
NOP m64.3 ; MOV gpr64.0,gpr64.1
JE rel64 operandSize=64 ; MOV gpr32.0,gpr32.1
MOV gpr64.0,m64.2 ; MOV gpr32.0,i32
PXOR xmm128.0,xmm128.1 ; MOVDQA xmm128.0,xmm128.1
ADD gpr64.0,i64 ; CMP m8.2,i8
JE rel64 operandSize=64 ; TEST gpr8.0,gpr8.1
JNE rel64 operandSize=64 ; JMP rel64 operandSize=64
MOV gpr32.0,m32.2 ; LEA gpr32.0,m64.2
JNE rel64 operandSize=64 ; MOVZX gpr32.0,gpr8.1
JNE rel64 operandSize=64 ; TEST gpr64.0,gpr64.1
MOV gpr32.0,gpr32.1 ; ROL gpr32.0,i8
ROL gpr32.0,i8 ; ADD gpr32.0,gpr32.1
MOV gpr32.0,m32.2 ; CMP gpr32.0,i32
XOR gpr32.0,gpr32.1 ; CALL rel64 operandSize=64 stackSize=64
TEST gpr32.0,gpr32.1 ; JS rel64 operandSize=64
ADD gpr32.0,gpr32.1 ; ADD gpr32.0,gpr32.1
MOVSXD gpr64.0,gpr32.1 ; PUSH gpr64.0 stackSize=64
MOVZX gpr32.0,m16.3 ; MOV gpr64.0,gpr64.1
TEST gpr32=0,i32 ; JE rel64 operandSize=64
MOV gpr32.0,gpr32.1 ; ROR gpr32.0,i8
CMP gpr8.0,m8.3 ; JE rel64 operandSize=64
MOVZX gpr32.0,m8.3 ; CMP gpr8.0,m8.3
CMP gpr64.0,i64 ; JA rel64 operandSize=64
MOV gpr64.0,m64.3 ; MOV gpr64.0,gpr64.1
ROR gpr32.0,i8 ; XOR gpr32.0,gpr32.1
JE rel64 operandSize=64 ; CMP gpr8=0,i8
MOV gpr64.0,m64.2 ; JMP rel64 operandSize=64
JE rel64 operandSize=64 ; MOV gpr8.0,m8.2
XOR gpr32.0,gpr32.1 ; MOV gpr64.0,m64.3
ADD gpr64.0,gpr64.1 ; JMP gpr64.0
MOV gpr32.0,i32 ; MOV gpr64.0,gpr64.1
MOVSXD gpr64.0,m32.3 ; ADD gpr64.0,gpr64.1
JA rel64 operandSize=64 ; LEA gpr64.0,m64.4
MOV gpr64.0,m64.2 ; MOV gpr32.0,m32.2
MOV gpr32.0,gpr32.1 ; CMP gpr32.0,gpr32.1
MOV gpr32.0,gpr32.1 ; AND gpr32.0,i32
MOV gpr64.0,m64.2 ; MOV m32.2,gpr32.0
JA rel64 operandSize=64 ; MOV gpr64.0,m64.2
SETB gpr8.0 ; SUB gpr64.0,gpr64.1
MOV gpr64.0,m64.3 ; ADD gpr64.0,m64.3
ROR gpr32.0,i8 ; ROR gpr32.0,i8
JE rel64 operandSize=64 ; CMP gpr32.0,i32
`
  .trim()
  .split('\n')
  .map((line) => line.split(' ; ') as [string, string]);
