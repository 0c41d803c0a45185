/*
 * Runs single instructions on the host's processor, in user mode, from given registers and memory.
 *
 * Batches come on stdin and go to stdout; layouts are in protocol.ts. An instruction is copied into a slot of a code
 * page full of invalid opcodes; after it comes a jump to the exit. So it ends in one of two ways: at the exit, or with
 * an exception, whose vector, error code and address the kernel tells the signal handler.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

/* Below 4 GiB, so that 32-bit code can run there too. */
#define CODE 0x17a50000ul
#define SLOT 512
#define SLOTS 1024
#define CODE_IN_SLOT 16
#define DATA 0x20000000ul
#define WINDOW (DATA + 0x1000 - 128)
#define WINDOW_SIZE 256
#define DATA_WRITABLE_SIZE 0x2000
/* HLT, which is #GP in user mode, in code of any width. */
#define FILLER 0xf4

#define NO_VECTOR 0xffffffffu
#define VECTOR_HANG 0xfffffffeu

/* Absolute addresses, for the assembly below. */
struct shared {
  uint64_t gpr[16];      /* 0x000 in encoding order: rax rcx rdx rbx rsp rbp rsi rdi r8.. */
  uint64_t rflags;       /* 0x080 */
  uint64_t host_rsp;     /* 0x088 */
  uint64_t target;       /* 0x090 also a far pointer */
  uint64_t has_fx;       /* 0x098 */
  uint64_t out_gpr[16];  /* 0x0a0 */
  uint64_t out_rflags;   /* 0x120 */
  uint64_t spare[27];    /* 0x128 */
  uint8_t fx[512];       /* 0x200 */
  uint8_t out_fx[512];   /* 0x400 */
  uint8_t clean_fx[512]; /* 0x600 */
};
static struct shared *const shared = (struct shared *)0x5eb40000ul;
#define TRAMPOLINE 0x5eb41000ul

struct input {
  uint8_t width; /* 64 or 32 */
  uint8_t has_fx;
  uint16_t length;
  uint32_t spare2;
  uint64_t rflags;
  uint64_t gpr[16];
  uint8_t code[472];
  uint8_t window[WINDOW_SIZE];
};

struct output {
  uint32_t vector, error;
  uint64_t cr2, rip, rflags;
  uint64_t gpr[16];
  uint8_t window[WINDOW_SIZE];
  uint32_t data_hash, spare;
};

extern void enter64(void), enter32(void), exit64(void), fault_exit(void);

__asm__(
    ".text\n"
    ".macro load_registers\n"
    "  cmpq $0, 0x5eb40098\n"
    "  je 1f\n"
    "  fxrstor64 0x5eb40200\n"
    "1: pushq 0x5eb40080\n"
    "  popfq\n"
    "  movq 0x5eb40000, %rax\n"
    "  movq 0x5eb40008, %rcx\n"
    "  movq 0x5eb40010, %rdx\n"
    "  movq 0x5eb40018, %rbx\n"
    "  movq 0x5eb40028, %rbp\n"
    "  movq 0x5eb40030, %rsi\n"
    "  movq 0x5eb40038, %rdi\n"
    "  movq 0x5eb40040, %r8\n"
    "  movq 0x5eb40048, %r9\n"
    "  movq 0x5eb40050, %r10\n"
    "  movq 0x5eb40058, %r11\n"
    "  movq 0x5eb40060, %r12\n"
    "  movq 0x5eb40068, %r13\n"
    "  movq 0x5eb40070, %r14\n"
    "  movq 0x5eb40078, %r15\n"
    "  movq 0x5eb40020, %rsp\n"
    ".endm\n"
    ".macro save_host\n"
    "  pushq %rbx\n"
    "  pushq %rbp\n"
    "  pushq %r12\n"
    "  pushq %r13\n"
    "  pushq %r14\n"
    "  pushq %r15\n"
    "  movq %rsp, 0x5eb40088\n"
    ".endm\n"
    "enter64:\n"
    "  save_host\n"
    "  load_registers\n"
    "  jmp *0x5eb40090\n"
    "enter32:\n"
    "  save_host\n"
    "  load_registers\n"
    "  ljmpl *0x5eb40090\n"
    "exit64:\n"
    "  movq %rax, 0x5eb400a0\n"
    "  movq %rcx, 0x5eb400a8\n"
    "  movq %rdx, 0x5eb400b0\n"
    "  movq %rbx, 0x5eb400b8\n"
    "  movq %rsp, 0x5eb400c0\n"
    "  movq %rbp, 0x5eb400c8\n"
    "  movq %rsi, 0x5eb400d0\n"
    "  movq %rdi, 0x5eb400d8\n"
    "  movq %r8, 0x5eb400e0\n"
    "  movq %r9, 0x5eb400e8\n"
    "  movq %r10, 0x5eb400f0\n"
    "  movq %r11, 0x5eb400f8\n"
    "  movq %r12, 0x5eb40100\n"
    "  movq %r13, 0x5eb40108\n"
    "  movq %r14, 0x5eb40110\n"
    "  movq %r15, 0x5eb40118\n"
    "  movq 0x5eb40088, %rsp\n"
    "  pushfq\n"
    "  popq 0x5eb40120\n"
    "  cld\n"
    "  cmpq $0, 0x5eb40098\n"
    "  je 1f\n"
    "  fxsave64 0x5eb40400\n"
    "  fxrstor64 0x5eb40600\n"
    "1:\n"
    "fault_exit:\n"
    "  popq %r15\n"
    "  popq %r14\n"
    "  popq %r13\n"
    "  popq %r12\n"
    "  popq %rbp\n"
    "  popq %rbx\n"
    "  ret\n");

static struct output *current;
static volatile sig_atomic_t running;

/* The order of ucontext's gregs, by encoding. */
static const int GREG[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                             REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void on_signal(int number, siginfo_t *info, void *context) {
  (void)info;
  ucontext_t *uc = context;
  greg_t *gregs = uc->uc_mcontext.gregs;
  if (!running) {
    static const char text[] = "harness: a signal outside of a case\n";
    if (number == SIGALRM) return;
    if (write(2, text, sizeof text - 1)) _exit(3);
    _exit(3);
  }
  current->vector = number == SIGALRM ? VECTOR_HANG : (uint32_t)gregs[REG_TRAPNO];
  current->error = (uint32_t)gregs[REG_ERR];
  current->cr2 = (uint64_t)gregs[REG_CR2];
  current->rip = (uint64_t)gregs[REG_RIP];
  current->rflags = (uint64_t)gregs[REG_EFL];
  for (int i = 0; i < 16; i++) current->gpr[i] = (uint64_t)gregs[GREG[i]];
  if (shared->has_fx) {
    memcpy(shared->out_fx, uc->uc_mcontext.fpregs, 512);
    /* Bytes 464 to 511 are the kernel's own in a signal frame; so is bit 0 on of XSTATE_BV, which stays. */
    memcpy(uc->uc_mcontext.fpregs, shared->clean_fx, 416);
  }
  gregs[REG_RIP] = (greg_t)(uintptr_t)fault_exit;
  gregs[REG_RSP] = (greg_t)shared->host_rsp;
  gregs[REG_EFL] = 0x202;
  /* CS 0x33, GS 0, FS 0, SS 0x2b: 32-bit code is left here too. */
  gregs[REG_CSGSFS] = (gregs[REG_CSGSFS] & 0x0000ffffffff0000ll) | 0x33 | 0x002b000000000000ll;
}

static void map(unsigned long at, size_t size, int protection) {
  void *got = mmap((void *)at, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE, -1, 0);
  if (got != (void *)at) {
    perror("harness: mmap");
    exit(2);
  }
}

static void prepare(void) {
  map(CODE, SLOTS * SLOT, PROT_READ | PROT_WRITE | PROT_EXEC);
  map(DATA, 0x2000, PROT_READ | PROT_WRITE);
  map(DATA + 0x2000, 0x1000, PROT_READ);
  map((unsigned long)shared, 0x2000, PROT_READ | PROT_WRITE | PROT_EXEC);
  /* From 32-bit code: jmp *(next 8 bytes). */
  uint8_t *trampoline = (uint8_t *)TRAMPOLINE;
  memcpy(trampoline, "\xff\x25\0\0\0\0", 6);
  void (*to)(void) = exit64;
  memcpy(trampoline + 6, &to, 8);
  __asm__ volatile("fninit");
  __asm__ volatile("fxsave64 (%0)" ::"r"(shared->clean_fx) : "memory");
  uint32_t mxcsr = 0x1f80;
  memcpy(shared->clean_fx + 24, &mxcsr, 4);
  /* 64-bit Linux starts with null selectors in DS and ES; 32-bit code needs real ones. */
  __asm__ volatile("movw %w0, %%ds\n movw %w0, %%es" ::"r"(0x2b));

  static uint8_t stack[65536];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alternate, NULL);
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  const int signals[] = {SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGBUS, SIGALRM};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, NULL);
}

static void fill_slot(int slot, const struct input *in) {
  uint8_t *at = (uint8_t *)(CODE + slot * SLOT + CODE_IN_SLOT);
  memcpy(at, in->code, in->length);
  at += in->length;
  if (in->width == 64) {
    void (*to)(void) = exit64;
    memcpy(at, "\xff\x25\0\0\0\0", 6);
    memcpy(at + 6, &to, 8);
  } else {
    uint32_t to = TRAMPOLINE;
    *at = 0xea;
    memcpy(at + 1, &to, 4);
    memcpy(at + 5, "\x33\0", 2);
  }
}

static uint32_t data_hash(void) {
  const uint32_t *words = (const void *)DATA;
  uint32_t hash = 1;
  for (size_t i = 0; i < DATA_WRITABLE_SIZE / 4; i++) {
    hash = (hash ^ words[i]) * 0x9e3779b1u;
    hash = hash << 13 | hash >> 19;
  }
  return hash;
}

static void run(int slot, const struct input *in, const uint8_t *fx, struct output *out, uint8_t *out_fx) {
  uint64_t at = CODE + slot * SLOT + CODE_IN_SLOT;
  memcpy(shared->gpr, in->gpr, sizeof in->gpr);
  shared->rflags = in->rflags;
  shared->has_fx = in->has_fx;
  shared->target = in->width == 64 ? at : (at | 0x23ull << 32);
  if (in->has_fx) memcpy(shared->fx, fx, 512);
  memset((void *)DATA, 0, DATA_WRITABLE_SIZE);
  memcpy((void *)WINDOW, in->window, WINDOW_SIZE);
  current = out;
  out->vector = NO_VECTOR;
  out->error = 0;
  out->cr2 = 0;
  running = 1;
  if (in->width == 64) enter64();
  else enter32();
  running = 0;
  if (out->vector == NO_VECTOR) {
    out->rip = at + in->length;
    out->rflags = shared->out_rflags;
    memcpy(out->gpr, shared->out_gpr, sizeof out->gpr);
  }
  memcpy(out->window, (void *)WINDOW, WINDOW_SIZE);
  out->data_hash = data_hash();
  out->spare = 0;
  if (in->has_fx) memcpy(out_fx, shared->out_fx, 512);
}

static int read_all(void *to, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t got = read(0, (char *)to + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return 0;
    done += (size_t)got;
  }
  return 1;
}

static void write_all(const void *from, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t put = write(1, (const char *)from + done, size - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) exit(0);
    done += (size_t)put;
  }
}

int main(void) {
  prepare();
  const size_t most = SLOTS * (sizeof(struct input) + 512);
  uint8_t *in = malloc(most), *out = malloc(most);
  uint32_t header[2]; /* count, bytes that follow */
  while (read_all(header, sizeof header)) {
    if (header[0] > SLOTS || header[1] > most || !read_all(in, header[1])) return 1;
    memset((void *)CODE, FILLER, SLOTS * SLOT);
    const uint8_t *from = in;
    for (uint32_t i = 0; i < header[0]; i++) {
      const struct input *one = (const void *)from;
      fill_slot((int)i, one);
      from += sizeof *one + (one->has_fx ? 512 : 0);
    }
    struct itimerval timer = {.it_value = {.tv_sec = 5}, .it_interval = {.tv_sec = 5}};
    setitimer(ITIMER_REAL, &timer, NULL);
    from = in;
    uint8_t *to = out;
    for (uint32_t i = 0; i < header[0]; i++) {
      const struct input *one = (const void *)from;
      struct output *result = (void *)to;
      run((int)i, one, from + sizeof *one, result, to + sizeof *result);
      from += sizeof *one + (one->has_fx ? 512 : 0);
      to += sizeof *result + (one->has_fx ? 512 : 0);
    }
    memset(&timer, 0, sizeof timer);
    setitimer(ITIMER_REAL, &timer, NULL);
    write_all(out, (size_t)(to - out));
  }
  return 0;
}
