/* One binary with all programs of the suite: `suite NAME [DIVISOR]`. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "suite.h"

static const struct {
    const char *name;
    program_fn *run;
} programs[] = {
    {"sha256", sha256},       {"crc32", crc32},     {"qsort", sort_numbers},
    {"intmix", intmix},       {"matmul", matmul},   {"nbody", nbody},
    {"memcpy", sse_memcpy},   {"dot", sse_dot},     {"memset", sse_memset},
    {"chase", chase},         {"stream", stream},   {"getpid", getpid_loop},
    {"pipe", pipe_pingpong},  {"forkexec", forkexec}, {"pagefault", pagefault},
    {"gzip", busybox_gzip},   {"sha256sum", busybox_sha256sum},
    {"awk", busybox_awk},     {"sort", busybox_sort},
};

static unsigned divisor = 1;
static double started, ended;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

void begin(void) { started = seconds(); }

void end(void) { ended = seconds(); }

unsigned scaled(unsigned full)
{
    unsigned work = full / divisor;
    return work ? work : 1;
}

void fail(const char *what)
{
    fprintf(stderr, "suite: %s: %s\n", what, strerror(errno));
    exit(1);
}

void *memory(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        fail("mmap");
    for (size_t page = 0; page < bytes; page += 4096)
        ((volatile char *)at)[page] = 0;
    return at;
}

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    while (count--)
        hash = (hash ^ *at++) * 0x100000001b3ull;
    return hash;
}

/* The guests have one processor. On a host with more, programs that hand over to each other would measure its
 * scheduler's choice of one. */
static void stay_on_one_processor(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
}

int main(int argc, char **argv)
{
    /* What the fork and exec loop starts. */
    if (argc == 2 && strcmp(argv[1], "nothing") == 0)
        return 0;
    if (argc < 2) {
        fprintf(stderr, "usage: suite NAME [DIVISOR]\n");
        return 2;
    }
    if (argc > 2 && atoi(argv[2]) > 0)
        divisor = atoi(argv[2]);
    stay_on_one_processor();
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        if (strcmp(argv[1], programs[i].name) != 0)
            continue;
        uint64_t checksum = programs[i].run();
        char line[128];
        int length = snprintf(line, sizeof line, "suite: %s %.6f %016llx\n", programs[i].name, ended - started,
                              (unsigned long long)checksum);
        /* In one piece, so that no line of the kernel's gets into it. */
        return write(1, line, length) == length ? 0 : 1;
    }
    fprintf(stderr, "suite: there is no program %s\n", argv[1]);
    return 2;
}
