/* What the programs of the suite share. Each does fixed work, times it itself and prints its name, the seconds, and a
 * checksum of what it worked out, which must be the same on every machine. */
#ifndef SUITE_H
#define SUITE_H

#include <stddef.h>
#include <stdint.h>

/* One program. It prepares, calls begin(), works, calls end(), and returns its checksum. */
typedef uint64_t program_fn(void);

/* Work to be done, in the program's own unit: `full`, divided by what the command line asks (at least 1). */
unsigned scaled(unsigned full);

/* The start and the end of what is timed. */
void begin(void);
void end(void);

/* Memory from mmap, zeroed and touched; ends the program where there is none. */
void *memory(size_t bytes);

/* Ends the program with the name of what failed and errno's meaning. */
void fail(const char *what) __attribute__((noreturn));

/* xorshift64: the same numbers everywhere. */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

/* FNV-1a over bytes, in 64 bits. */
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count);
#define HASH_START 0xcbf29ce484222325ull

program_fn sha256, crc32, sort_numbers, intmix;
program_fn matmul, nbody, stream;
program_fn sse_memcpy, sse_memset, sse_dot;
program_fn chase, pagefault;
program_fn getpid_loop, pipe_pingpong, forkexec;
program_fn busybox_gzip, busybox_sha256sum, busybox_awk, busybox_sort;

#endif
