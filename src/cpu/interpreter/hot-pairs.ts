/**
 * Pairs of hot handlers that get one handler together, the most frequent first; they come up in one of two
 * instructions. Measured by tools/hot-handlers.ts.
 */
export const HOT_PAIRS: readonly (readonly [string, string])[] = `
POP gpr64.0 stackSize=64 ; POP gpr64.0 stackSize=64
PUSH gpr64.0 stackSize=64 ; PUSH gpr64.0 stackSize=64
PUSH gpr64.0 stackSize=64 ; MOV gpr64.0,gpr64.1
TEST gpr64.0,gpr64.1 ; JE rel64 operandSize=64
MOV gpr64.0,gpr64.1 ; CALL rel64 operandSize=64 stackSize=64
MOV gpr64.0,gpr64.1 ; MOV gpr64.0,gpr64.1
POP gpr64.0 stackSize=64 ; RET operandSize=64 stackSize=64
MOV gpr64.0,gpr64.1 ; PUSH gpr64.0 stackSize=64
MOV gpr64.0,m64.2 ; MOV gpr64.0,m64.2
JE rel64 operandSize=64 ; MOV gpr64.0,m64.2
NOP m64.3 ; PUSH gpr64.0 stackSize=64
MOV m64.2,gpr64.0 ; MOV m64.2,gpr64.0
MOV gpr64.0,m64.2 ; MOV gpr64.0,gpr64.1
JNE rel64 operandSize=64 ; MOV gpr64.0,m64.2
JE rel64 operandSize=64 ; MOV gpr64.0,gpr64.1
TEST gpr32.0,gpr32.1 ; JE rel64 operandSize=64
CMP gpr64.0,gpr64.1 ; JNE rel64 operandSize=64
MOV gpr64.0,m64.2 ; TEST gpr64.0,gpr64.1
TEST gpr32.0,gpr32.1 ; JNE rel64 operandSize=64
CMP gpr64.0,gpr64.1 ; JE rel64 operandSize=64
TEST gpr8.0,gpr8.1 ; JE rel64 operandSize=64
MOV gpr32.0,gpr32.1 ; MOV gpr32.0,gpr32.1
JNE rel64 operandSize=64 ; ADD gpr64.0,i64
MOV gpr64.0,m64.2 ; MOV m64.2,gpr64.0
TEST gpr64.0,gpr64.1 ; JNE rel64 operandSize=64
JNE rel64 operandSize=64 ; MOV gpr64.0,gpr64.1
MOV gpr32.0,gpr32.1 ; MOV gpr64.0,gpr64.1
PUSH gpr64.0 stackSize=64 ; MOV gpr32.0,gpr32.1
CMP gpr64.0,gpr64.1 ; JAE rel64 operandSize=64
MOV m64.2,i64 ; MOV m64.2,i64
MOV gpr64.0,gpr64.1 ; POP gpr64.0 stackSize=64
ADD gpr64.0,i64 ; POP gpr64.0 stackSize=64
MOV gpr64.0,gpr64.1 ; MOV gpr64.0,m64.2
MOV gpr64.0,gpr64.1 ; MOV gpr32.0,gpr32.1
CMP gpr32.0,i32 ; JE rel64 operandSize=64
MOV gpr64.0,m64.1 ; MOV m64.2,gpr64.0
MOV gpr32.0,gpr32.1 ; PUSH gpr64.0 stackSize=64
MOV m64.2,gpr64.0 ; MOV gpr64.0,m64.2
CMP gpr64.0,gpr64.1 ; JB rel64 operandSize=64
MOV gpr64.0,m64.2 ; SUB gpr64.0,m64.1
JNE rel64 operandSize=64 ; MOVZX gpr32.0,m8.2
MOV gpr32.0,m32.2 ; TEST gpr32.0,gpr32.1
SUB gpr64.0,m64.1 ; JNE rel64 operandSize=64
XOR gpr32.0,gpr32.1 ; MOV gpr32.0,gpr32.1
TEST gpr8.0,gpr8.1 ; JNE rel64 operandSize=64
JE rel64 operandSize=64 ; MOV gpr32.0,m32.2
MOV m64.2,gpr64.0 ; XOR gpr32.0,gpr32.1
TEST m8.2,i8 ; JNE rel64 operandSize=64
ADD gpr64.0,i64 ; MOV gpr64.0,gpr64.1
CMP gpr64.0,i64 ; JE rel64 operandSize=64
MOV gpr64.0,gpr64.1 ; SHR gpr64.0,i8
MOV gpr64.0,m64.2 ; CMP gpr64.0,gpr64.1
TEST gpr8.0,i8 ; JNE rel64 operandSize=64
ADD gpr32.0,gpr32.1 ; XOR gpr32.0,gpr32.1
MOV gpr64.0,m64.2 ; CALL rel64 operandSize=64 stackSize=64
JE rel64 operandSize=64 ; ADD gpr64.0,i64
MOV gpr64.0,gpr64.1 ; SUB gpr64.0,i64
POP gpr64.0 stackSize=64 ; JMP rel64 operandSize=64
PUSH gpr64.0 stackSize=64 ; SUB gpr64.0,i64
TEST gpr8=0,i8 ; JNE rel64 operandSize=64
LEA gpr64.0,m64.2 ; MOV gpr64.0,gpr64.1
JE rel64 operandSize=64 ; TEST gpr64.0,gpr64.1
MOV m64.2,gpr64.0 ; MOV gpr64.0,gpr64.1
MOV gpr64.0,m64.2 ; LEA gpr64.0,m64.2
MOV gpr32.0,m32.2 ; MOV gpr32.0,m32.2
XOR gpr32.0,gpr32.1 ; XOR gpr32.0,gpr32.1
NOP m64.3 ; MOV gpr64.0,m64.2
MOV gpr64.0,gpr64.1 ; AND gpr32.0,i32
ADD gpr64.0,gpr64.1 ; CMP gpr64.0,gpr64.1
MOV gpr64.0,gpr64.1 ; TEST gpr64.0,gpr64.1
CMP m64.2,i64 ; JE rel64 operandSize=64
JNE rel64 operandSize=64 ; MOV gpr32.0,m32.2
XOR gpr32.0,gpr32.1 ; MOV gpr64.0,gpr64.1
ADD gpr64.0,i64 ; CMP gpr64.0,gpr64.1
ADD gpr32.0,gpr32.1 ; MOV gpr32.0,gpr32.1
ROR gpr32.0,i8 ; ADD gpr32.0,gpr32.1
MOV gpr64.0,gpr64.1 ; SUB gpr64.0,gpr64.1
SHL gpr64.0,i8 ; ADD gpr64.0,gpr64.1
MOV gpr64.0,m64.2 ; MOV gpr32.0,m32.2
MOV gpr64.0,m64.2 ; MOV gpr32.0,gpr32.1
MOVZX gpr32.0,m8.2 ; ADD gpr64.0,i64
CMP gpr32.0,i32 ; JA rel64 operandSize=64
CMP gpr64.0,i64 ; JNE rel64 operandSize=64
TEST m8.2,i8 ; JE rel64 operandSize=64
PUSH gpr64.0 stackSize=64 ; MOV gpr64.0,m64.2
JE rel64 operandSize=64 ; XOR gpr32.0,gpr32.1
JNE rel64 operandSize=64 ; MOV gpr32.0,gpr32.1
MOV gpr64.0,gpr64.1 ; AND gpr64.0,i64
CMP m8.2,i8 ; JNE rel64 operandSize=64
MOV gpr32.0,gpr32.1 ; CALL rel64 operandSize=64 stackSize=64
MOV m64.2,gpr64.0 ; CALL rel64 operandSize=64 stackSize=64
MOV gpr32.0,m32.2 ; MOV gpr64.0,m64.2
MOV gpr32.0,i32 ; MOV gpr64.0,gpr64.1
JE rel64 operandSize=64 ; MOV gpr32.0,gpr32.1
CMP gpr32.0,gpr32.1 ; JNE rel64 operandSize=64
CMP gpr32.0,i32 ; JNE rel64 operandSize=64
MOV gpr64.0,gpr64.1 ; MOV m64.2,gpr64.0
XOR gpr32.0,gpr32.1 ; ADD gpr32.0,gpr32.1
LEA gpr64.0,m64.2 ; MOV m64.2,gpr64.0
MOV gpr64.0,gpr64.1 ; XOR gpr32.0,gpr32.1
MOV gpr64.0,m64.2 ; TEST gpr8=0,i8
JE rel64 operandSize=64 ; POP gpr64.0 stackSize=64
MOV gpr64.0,gpr64.1 ; SHL gpr64.0,i8
JE rel64 operandSize=64 ; RET operandSize=64 stackSize=64
MOV gpr64.0,gpr64.1 ; JMP rel64 operandSize=64
XOR gpr32.0,gpr32.1 ; JMP rel64 operandSize=64
JE rel64 operandSize=64 ; MOV gpr32.0,i32
MOV gpr32.0,gpr32.1 ; AND gpr32.0,i32
TEST gpr32=0,i32 ; JE rel64 operandSize=64
TEST gpr8=0,i8 ; JE rel64 operandSize=64
ADD gpr32.0,gpr32.1 ; MOV gpr32.0,m32.2
SUB gpr64.0,i64 ; MOV gpr64.0,m64.1
JE rel64 operandSize=64 ; LEA gpr64.0,m64.2
JNE rel64 operandSize=64 ; TEST gpr64.0,gpr64.1
MOV gpr64.0,gpr64.1 ; MOV gpr32.0,i32
MOV gpr32.0,gpr32.1 ; ADD gpr32.0,gpr32.1
ADD gpr64.0,gpr64.1 ; MOV gpr64.0,gpr64.1
SUB gpr64.0,i64 ; MOV gpr64.0,m64.2
MOVZX gpr32.0,m8.2 ; MOVD xmm128.0,m32.3
MOV gpr32.0,i32 ; CALL rel64 operandSize=64 stackSize=64
CMP gpr64.0,i64 ; JBE rel64 operandSize=64
LEA gpr64.0,m64.2 ; CMP gpr64.0,gpr64.1
LEA gpr64.0,m64.3 ; LEA gpr64.0,m64.3
XOR gpr32.0,gpr32.1 ; ROR gpr32.0,i8
ROL gpr32.0,i8 ; XOR gpr32.0,gpr32.1
AND gpr32.0,i32 ; JE rel64 operandSize=64
ADD gpr32.0,gpr32.1 ; ADD gpr32.0,gpr32.1
MOV m32.2,gpr32.0 ; MOV gpr32.0,m32.2
MOV gpr32.0,m32.2 ; MOV gpr64.0,gpr64.1
JNE rel64 operandSize=64 ; JMP rel64 operandSize=64
MOV gpr64.0,m64.2 ; XOR gpr32.0,gpr32.1
JE rel64 operandSize=64 ; CMP gpr32.0,i32
MOVZX gpr32.0,m8.2 ; TEST gpr8.0,gpr8.1
MOV m64.2,gpr64.0 ; JMP rel64 operandSize=64
JAE rel64 operandSize=64 ; MOV gpr64.0,m64.2
MOV gpr64.0,gpr64.1 ; LEA gpr64.0,m64.2
CMP m64.2,gpr64.0 ; JE rel64 operandSize=64
CMP gpr8=0,i8 ; JE rel64 operandSize=64
MOV gpr64.0,m64.2 ; CMP m64.2,gpr64.0
MOV gpr64.0,gpr64.1 ; ADD gpr64.0,i64
SUB gpr64.0,gpr64.1 ; MOV gpr64.0,gpr64.1
LEA gpr64.0,m64.2 ; CALL rel64 operandSize=64 stackSize=64
JE rel64 operandSize=64 ; TEST gpr8.0,gpr8.1
MOV m64.2,gpr64.0 ; LEA gpr64.0,m64.2
TEST gpr32.0,i32 ; JNE rel64 operandSize=64
XOR gpr64.0,gpr64.1 ; IMUL gpr64.0,gpr64.1
CMP gpr64.0,i64 ; JA rel64 operandSize=64
MOV gpr64.0,gpr64.1 ; CMP gpr64.0,gpr64.1
MOV gpr32.0,gpr32.1 ; XOR gpr32.0,gpr32.1
TEST gpr8.0,i8 ; JE rel64 operandSize=64
ADD gpr64.0,i64 ; XOR gpr64.0,gpr64.1
IMUL gpr64.0,gpr64.1 ; CMP gpr64.0,gpr64.1
CMP m64.2,gpr64.0 ; JNE rel64 operandSize=64
MOV gpr32.0,m32.2 ; MOV m32.2,gpr32.0
ROL gpr32.0,i8 ; ADD gpr32.0,gpr32.1
MOV gpr64.0,m64.2 ; SHR gpr64.0,i8
DEC m32.1 ; JE rel64 operandSize=64
MOV gpr64.0,m64.2 ; MOV gpr32.0,i32
MOV gpr64.0,gpr64.1 ; ADD gpr64.0,gpr64.1
JNE rel64 operandSize=64 ; NOP m64.3
JE rel64 operandSize=64 ; JMP rel64 operandSize=64
MOV gpr32.0,gpr32.1 ; POP gpr64.0 stackSize=64
MOV m64.2,i64 ; MOV m64.2,gpr64.0
MOV gpr64.0,m64.3 ; TEST gpr64.0,gpr64.1
IMUL gpr64.0,gpr64.1 ; MOV gpr64.0,gpr64.1
JE rel64 operandSize=64 ; CMP gpr64.0,i64
MOVD xmm128.0,m32.3 ; MOVZX gpr32.0,m8.2
ROR gpr32.0,i8 ; XOR gpr32.0,gpr32.1
TEST gpr32=0,i32 ; JNE rel64 operandSize=64
MOV gpr32.0,m32.2 ; ADD gpr32.0,gpr32.1
MOV gpr32.0,gpr32.1 ; SHR gpr64.0,i8
JE rel64 operandSize=64 ; MOV m64.2,gpr64.0
POP gpr64.0 stackSize=64 ; MOV gpr64.0,gpr64.1
MOV gpr64.0,m64.2 ; TEST gpr32=0,i32
NOP ; MOV gpr64.0,m64.2
AND gpr32.0,i32 ; JNE rel64 operandSize=64
JAE rel64 operandSize=64 ; MOV gpr64.0,gpr64.1
CMP gpr32.0,gpr32.1 ; JE rel64 operandSize=64
JE rel64 operandSize=64 ; MOVZX gpr32.0,m8.2
NOP m64.3 ; MOV gpr64.0,gpr64.1
JNE rel64 operandSize=64 ; LEA gpr64.0,m64.2
MOV gpr32.0,gpr32.1 ; ROL gpr32.0,i8
TEST gpr32.0,i32 ; JE rel64 operandSize=64
ADD gpr64.0,gpr64.1 ; ADD gpr64.0,gpr64.1
MOV gpr64.0,m64.2 ; JMP rel64 operandSize=64
AND gpr32.0,i32 ; CMP gpr64.0,i64
CMP m8.2,i8 ; JE rel64 operandSize=64
MOV gpr64.0,m64.2 ; MOV m64.2,i64
JE rel64 operandSize=64 ; CALL rel64 operandSize=64 stackSize=64
CMP m64.2,i64 ; JNE rel64 operandSize=64
MOV m64.2,gpr64.0 ; ADD gpr64.0,i64
MOV m32.2,gpr32.0 ; MOV m32.2,gpr32.0
XOR gpr32.0,gpr32.1 ; CALL rel64 operandSize=64 stackSize=64
JNE rel64 operandSize=64 ; MOV gpr32.0,i32
ADD gpr64.0,i64 ; MOV m64.2,gpr64.0
CMP gpr8.0,i8 ; JE rel64 operandSize=64
CMP gpr32.0,i32 ; JBE rel64 operandSize=64
LEA gpr64.0,m64.2 ; LEA gpr64.0,m64.2
XOR gpr32.0,gpr32.1 ; MOV gpr32.0,i32
AND gpr32.0,i32 ; CMP gpr32.0,i32
XOR gpr32.0,gpr32.1 ; POP gpr64.0 stackSize=64
MOV gpr64.0,m64.2 ; ADD gpr64.0,i64
JAE rel64 operandSize=64 ; LEA gpr64.0,m64.2
MOV gpr64.0,m64.2 ; TEST gpr8.0,i8
LEA gpr64.0,m64.3 ; MOV gpr64.0,gpr64.1
IMUL gpr64.0,gpr64.1 ; IMUL gpr64.0,gpr64.1
ADD gpr64.0,gpr64.1 ; MOV m64.2,gpr64.0
MOV gpr32.0,m32.2 ; XOR gpr32.0,gpr32.1
MOV gpr32.0,gpr32.1 ; SHR gpr32.0,i8
JE rel64 operandSize=64 ; CMP gpr64.0,gpr64.1
MOV gpr64.0,m64.2 ; ADD gpr64.0,gpr64.1
MOV gpr32.0,gpr32.1 ; ROR gpr32.0,i8
CMP gpr32.0,gpr32.1 ; JAE rel64 operandSize=64
XOR gpr64.0,gpr64.1 ; MOV gpr64.0,gpr64.1
SHR gpr64.0,i8 ; AND gpr32.0,i32
MOV gpr64.0,m64.2 ; TEST gpr64.0,i64
XOR gpr32.0,gpr32.1 ; RET operandSize=64 stackSize=64
MOV gpr64.0,m64.2 ; CMP gpr64.0,i64
TEST gpr32.0,gpr32.1 ; JLE rel64 operandSize=64
CMP gpr8=0,i8 ; JNE rel64 operandSize=64
NOP m64.3 ; NOP m64.3
SHR gpr64.0,i8 ; ADD gpr64.0,gpr64.1
NOP m64.3 ; MOV gpr32.0,m32.2
JE rel64 operandSize=64 ; TEST gpr32.0,gpr32.1
MOV m64.2,gpr64.0 ; MOV m64.2,i64
JE rel64 operandSize=64 ; ADD gpr32.0,i32
MOV gpr64.0,gpr64.1 ; NOP m64.2
AND gpr32.0,gpr32.1 ; XOR gpr32.0,gpr32.1
TEST gpr32.0,gpr32.1 ; JS rel64 operandSize=64
MOV gpr32.0,m32.2 ; CMP gpr32.0,i32
JNE rel64 operandSize=64 ; POP gpr64.0 stackSize=64
MOV gpr64.0,m64.2 ; XOR gpr8.0,gpr8.1
TEST gpr64.0,i64 ; JE rel64 operandSize=64
MOV gpr32.0,gpr32.1 ; JMP rel64 operandSize=64
MOVSXD gpr64.0,m32.2 ; ADD gpr64.0,gpr64.1
MOV gpr64.0,gpr64.1 ; JE rel64 operandSize=64
MOV gpr64.0,m64.4 ; MOV gpr64.0,gpr64.1
MOV gpr64.0,m64.2 ; MOV gpr64.0,m64.1
MOV gpr32.0,i32 ; PUSH gpr64.0 stackSize=64
ADD gpr64.0,gpr64.1 ; MOV gpr64.0,m64.2
PUSH gpr64.0 stackSize=64 ; MOV gpr64.0,m64.1
XOR gpr32.0,gpr32.1 ; MOV gpr64.0,m64.2
MOV gpr64.0,gpr64.1 ; IMUL gpr64.0,gpr64.1
JNE rel64 operandSize=64 ; ADD gpr32.0,i32
MOV gpr32.0,m32.2 ; MOV gpr32.0,gpr32.1
MOV gpr32.0,i32 ; MOV gpr32.0,i32
ADD gpr32.0,gpr32.1 ; MOV m32.2,gpr32.0
XOR gpr8.0,gpr8.1 ; CMP gpr64.0,gpr64.1
CMP gpr64=0,i64 ; JE rel64 operandSize=64
LEA gpr64.0,m64.3 ; MOV gpr64.0,m64.2
`
  .trim()
  .split('\n')
  .map((line) => line.split(' ; ') as [string, string]);
