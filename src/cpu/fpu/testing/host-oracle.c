/*
 * Runs one instruction on the host's processor, many times, each time from a state read from standard input, and
 * writes the state it left. Built and spoken to by host-oracle.ts; the layouts of both sides must agree.
 *
 * stdin:  batches of  struct batch, then batch.count x (struct state, batch.memory bytes)
 * stdout: for each state, in order:               (struct state, batch.memory bytes)
 * The instruction finds the memory operand at [rdi], and eax and edx as the state says.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

struct batch {
  uint32_t code_length;
  uint32_t count;
  uint32_t memory;
  uint32_t pad;
  uint8_t code[16];
};

struct state {
  uint8_t x87[108]; /* FNSAVE image, 32-bit protected mode */
  uint32_t mxcsr;
  uint8_t xmm0[16];
  uint8_t xmm1[16];
  uint64_t rax;
  uint64_t rdx;
  uint32_t eflags;
  uint32_t signal;
};

#define MEMORY_LIMIT 4096

static sigjmp_buf recover;
static struct state state;
static uint8_t memory[MEMORY_LIMIT] __attribute__((aligned(64)));

static void on_signal(int signal, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  (void)info;
  state.signal = (uint32_t)signal;
  state.mxcsr = uc->uc_mcontext.fpregs->mxcsr;
  memcpy(state.xmm0, &uc->uc_mcontext.fpregs->_xmm[0], 16);
  siglongjmp(recover, 1);
}

__attribute__((noinline)) static void run(void *code) {
  static uint32_t usual = 0x1f80;
  __asm__ volatile(
      "frstor %[x87]\n\t"
      "ldmxcsr %[mxcsr]\n\t"
      "movups %[xmm0], %%xmm0\n\t"
      "movups %[xmm1], %%xmm1\n\t"
      "movl %[eflags], %%eax\n\t"
      "pushq %%rax\n\t"
      "movq %[rax], %%rax\n\t"
      "movq %[rdx], %%rdx\n\t"
      "popfq\n\t"
      "call *%[code]\n\t"
      "movq %%rax, %[rax]\n\t"
      "pushfq\n\t"
      "popq %%rax\n\t"
      "movl %%eax, %[eflags]\n\t"
      "movq %%rdx, %[rdx]\n\t"
      "stmxcsr %[mxcsr]\n\t"
      "movups %%xmm0, %[xmm0]\n\t"
      "movups %%xmm1, %[xmm1]\n\t"
      "fnsave %[x87]\n\t"
      "ldmxcsr %[usual]\n\t"
      "cld\n\t"
      : [x87] "+m"(state.x87), [mxcsr] "+m"(state.mxcsr), [xmm0] "+m"(state.xmm0), [xmm1] "+m"(state.xmm1),
        [rax] "+m"(state.rax), [rdx] "+m"(state.rdx), [eflags] "+m"(state.eflags)
      : [code] "b"(code), "D"(memory), [usual] "m"(usual)
      : "rax", "rdx", "xmm0", "xmm1", "memory", "cc");
}

static int take(void *into, size_t bytes) { return fread(into, 1, bytes, stdin) == bytes; }

int main(void) {
  static uint8_t alternate[1 << 16];
  stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
  static struct batch batch;
  static uint32_t i; /* static: outlives the jump out of a signal */
  static uint8_t *code;

  code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED) return 1;
  sigaltstack(&stack, 0);
  sigaction(SIGFPE, &action, 0);
  sigaction(SIGILL, &action, 0);
  sigaction(SIGSEGV, &action, 0);
  while (take(&batch, sizeof batch)) {
    if (batch.memory > MEMORY_LIMIT || batch.code_length > sizeof batch.code) return 2;
    memcpy(code, batch.code, batch.code_length);
    code[batch.code_length] = 0xc3;
    for (i = 0; i < batch.count; i++) {
      if (!take(&state, sizeof state) || !take(memory, batch.memory)) return 3;
      if (sigsetjmp(recover, 0) == 0) run(code);
      fwrite(&state, 1, sizeof state, stdout);
      fwrite(memory, 1, batch.memory, stdout);
    }
  }
  return 0;
}
