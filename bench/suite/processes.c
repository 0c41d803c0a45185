/* System calls, switches from process to process, and what busybox does. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

uint64_t getpid_loop(void)
{
    unsigned turns = scaled(1000000), same = 0;
    long self = syscall(SYS_getpid);
    begin();
    for (unsigned turn = 0; turn < turns; turn++)
        same += syscall(SYS_getpid) == self;
    end();
    return same;
}

static pid_t fork_or_fail(void)
{
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    return child;
}

static void wait_for(pid_t child)
{
    int status;
    if (waitpid(child, &status, 0) != child || status != 0)
        fail("a child");
}

/* One byte there and back between two processes. */
uint64_t pipe_pingpong(void)
{
    unsigned turns = scaled(8000);
    int there[2], back[2];
    if (pipe(there) < 0 || pipe(back) < 0)
        fail("pipe");
    pid_t child = fork_or_fail();
    unsigned char byte = 0;
    if (child == 0) {
        for (unsigned turn = 0; turn < turns; turn++) {
            if (read(there[0], &byte, 1) != 1)
                _exit(1);
            byte = byte * 5 + 1;
            if (write(back[1], &byte, 1) != 1)
                _exit(1);
        }
        _exit(0);
    }
    uint64_t sum = 0;
    begin();
    for (unsigned turn = 0; turn < turns; turn++) {
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
            fail("pipe");
        sum += byte;
    }
    end();
    wait_for(child);
    return sum;
}

/* Starts a static program that returns at once. */
uint64_t forkexec(void)
{
    unsigned turns = scaled(250);
    begin();
    for (unsigned turn = 0; turn < turns; turn++) {
        pid_t child = fork_or_fail();
        if (child == 0) {
            char *const arguments[] = {"suite", "nothing", NULL};
            execv("/proc/self/exe", arguments);
            _exit(127);
        }
        wait_for(child);
    }
    end();
    return turns;
}

/* Runs busybox, from $BUSYBOX, with a file as its input; the checksum is its output's. */
static uint64_t busybox(char *const arguments[], const char *input)
{
    static const char output[] = "suite.output";
    const char *program = getenv("BUSYBOX");
    begin();
    pid_t child = fork_or_fail();
    if (child == 0) {
        int from = open(input, O_RDONLY), to = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (dup2(from, 0) < 0 || dup2(to, 1) < 0)
            _exit(126);
        execv(program ? program : "/bin/busybox", arguments);
        _exit(127);
    }
    wait_for(child);
    end();

    FILE *file = fopen(output, "r");
    if (!file)
        fail(output);
    static char buffer[65536];
    uint64_t hash = HASH_START;
    size_t count;
    while ((count = fread(buffer, 1, sizeof buffer, file)) > 0)
        hash = hash_bytes(hash, buffer, count);
    fclose(file);
    unlink(output);
    unlink(input);
    return hash;
}

/* A file of lines of made-up words with a number at the end, `copies` times over. */
static const char *text_file(unsigned lines, unsigned copies)
{
    static const char name[] = "suite.input", consonants[] = "bcdfghklmnprstvw", vowels[] = "aeiou";
    enum { LONGEST_LINE = 8 * 9 + 9 };
    char *text = memory(lines * LONGEST_LINE), *at = text;
    uint64_t seed = 8;
    for (unsigned line = 0; line < lines; line++) {
        unsigned words = 3 + next_random(&seed) % 6, number = seed >> 40;
        for (unsigned word = 0; word < words; word++) {
            /* Few distinct words, so that there is something to compress. */
            uint64_t bits = next_random(&seed) % 1999 * 0x9e3779b97f4a7c15ull;
            for (unsigned syllable = 0; syllable <= bits >> 62; syllable++) {
                *at++ = consonants[bits >> 8 * syllable & 15];
                *at++ = vowels[(bits >> (8 * syllable + 4) & 15) % 5];
            }
            *at++ = ' ';
        }
        for (unsigned digits = 10000000; digits > 0; digits /= 10)
            *at++ = '0' + number / digits % 10;
        *at++ = '\n';
    }
    int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    for (unsigned copy = 0; copy < copies; copy++)
        if (write(file, text, at - text) != at - text)
            fail(name);
    close(file);
    munmap(text, lines * LONGEST_LINE);
    return name;
}

uint64_t busybox_gzip(void)
{
    char *const arguments[] = {"gzip", "-c", NULL};
    return busybox(arguments, text_file(scaled(40000), 1));
}

uint64_t busybox_sha256sum(void)
{
    char *const arguments[] = {"sha256sum", NULL};
    return busybox(arguments, text_file(10000, scaled(64)));
}

uint64_t busybox_awk(void)
{
    char *const arguments[] = {"awk",
                               "{ for (i = 1; i < NF; i++) { count[$i]++; length_sum += length($i) }; total += $NF % 97 }"
                               " END { for (word in count) if (count[word] > most) most = count[word];"
                               " print NR, total, length_sum, most }",
                               NULL};
    return busybox(arguments, text_file(scaled(10000), 1));
}

uint64_t busybox_sort(void)
{
    char *const arguments[] = {"sort", NULL};
    return busybox(arguments, text_file(scaled(60000), 1));
}
