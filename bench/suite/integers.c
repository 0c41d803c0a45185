/* Programs that live in the integer unit and the first-level cache. */
#include <stdlib.h>
#include <string.h>

#include "suite.h"

/* FIPS 180-4, 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static uint32_t round_constants[64];

/* The integer part of the cube root of p * 2^96: its low 32 bits are the fraction's first ones. */
static uint32_t cube_root_fraction(unsigned p)
{
    uint64_t root = 0;
    for (int bit = 35; bit >= 0; bit--) {
        uint64_t trial = root | 1ull << bit;
        /* trial^3 <= p * 2^96, in two steps that stay within 128 bits: trial < 2^36. */
        unsigned __int128 cube = (unsigned __int128)trial * trial * trial;
        if (cube <= (unsigned __int128)p << 96)
            root = trial;
    }
    return (uint32_t)root;
}

static void make_round_constants(void)
{
    int count = 0;
    for (unsigned p = 2; count < 64; p++) {
        int prime = 1;
        for (unsigned d = 2; d * d <= p; d++)
            prime &= p % d != 0;
        if (prime)
            round_constants[count++] = cube_root_fraction(p);
    }
}

static inline uint32_t rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

/* FIPS 180-4, 6.2.2: one block of 64 bytes. */
static void sha256_block(uint32_t h[8], const uint8_t *block)
{
    uint32_t w[64];
    for (int t = 0; t < 16; t++) {
        uint32_t word;
        memcpy(&word, block + 4 * t, 4);
        w[t] = __builtin_bswap32(word);
    }
    for (int t = 16; t < 64; t++) {
        uint32_t s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
        uint32_t s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = s1 + w[t - 7] + s0 + w[t - 16];
    }
    uint32_t v[8];
    memcpy(v, h, sizeof v);
    for (int t = 0; t < 64; t++) {
        uint32_t s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
        uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t t1 = v[7] + s1 + choice + round_constants[t] + w[t];
        uint32_t s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        v[7] = v[6], v[6] = v[5], v[5] = v[4], v[4] = v[3] + t1;
        v[3] = v[2], v[2] = v[1], v[1] = v[0], v[0] = t1 + s0 + majority;
    }
    for (int i = 0; i < 8; i++)
        h[i] += v[i];
}

uint64_t sha256(void)
{
    enum { BYTES = 1 << 20 };
    unsigned turns = scaled(24);
    uint8_t *data = memory(BYTES);
    uint64_t seed = 1;
    for (int i = 0; i < BYTES; i++)
        data[i] = next_random(&seed) >> 24;
    make_round_constants();
    uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    begin();
    for (unsigned turn = 0; turn < turns; turn++)
        for (int at = 0; at < BYTES; at += 64)
            sha256_block(h, data + at);
    end();
    return hash_bytes(HASH_START, h, sizeof h);
}

uint64_t crc32(void)
{
    enum { BYTES = 1 << 20 };
    unsigned turns = scaled(80);
    static uint32_t table[256];
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
        table[i] = c;
    }
    uint8_t *data = memory(BYTES);
    uint64_t seed = 2;
    for (int i = 0; i < BYTES; i++)
        data[i] = next_random(&seed) >> 24;
    uint32_t crc = ~0u;
    begin();
    for (unsigned turn = 0; turn < turns; turn++)
        for (int i = 0; i < BYTES; i++)
            crc = table[(crc ^ data[i]) & 255] ^ crc >> 8;
    end();
    return ~crc;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, 4);
    memcpy(&y, b, 4);
    return (x > y) - (x < y);
}

/* The C library's qsort, a call through a pointer for every comparison. */
uint64_t sort_numbers(void)
{
    enum { NUMBERS = 100000 };
    unsigned turns = scaled(8);
    uint32_t *numbers = memory(NUMBERS * sizeof *numbers);
    uint64_t seed = 3, hash = HASH_START;
    begin();
    for (unsigned turn = 0; turn < turns; turn++) {
        for (int i = 0; i < NUMBERS; i++)
            numbers[i] = next_random(&seed);
        qsort(numbers, NUMBERS, sizeof *numbers, by_value);
        for (int i = 0; i < NUMBERS; i += 97)
            hash = (hash ^ numbers[i]) * 0x100000001b3ull;
    }
    end();
    return hash;
}

/* In the manner of Dhrystone: records reached by pointers, short strings compared and copied, small arrays, calls that
 * are not inlined, divisions, a switch. */
struct record {
    struct record *next;
    int kind, value;
    char text[32];
};

static __attribute__((noinline)) int compare_text(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a - *b;
}

static __attribute__((noinline)) void copy_text(char *to, const char *from)
{
    while ((*to++ = *from++))
        ;
}

static __attribute__((noinline)) int apply(int kind, int x, int y)
{
    switch (kind) {
    case 0: return x + y;
    case 1: return x - y;
    case 2: return x * y;
    case 3: return x / (y | 1);
    case 4: return x % (y | 1);
    case 5: return x ^ y;
    case 6: return x << (y & 7);
    default: return x >> (y & 7);
    }
}

static __attribute__((noinline)) void visit(struct record *record, int *array, unsigned turn)
{
    struct record *next = record->next;
    record->value = apply(record->kind, next->value + (int)turn, record->value);
    array[turn & 63] = array[(turn + 7) & 63] + record->value;
    if (compare_text(record->text, next->text) > 0)
        copy_text(record->text, next->text);
    else
        record->text[turn & 15] = 'a' + (turn + record->value) % 26u;
    record->kind = (record->kind + (record->value & 3)) & 7;
}

uint64_t intmix(void)
{
    enum { RECORDS = 64 };
    unsigned turns = scaled(4000000);
    static struct record records[RECORDS];
    static int array[64];
    for (int i = 0; i < RECORDS; i++) {
        records[i] = (struct record){&records[(i * 5 + 3) % RECORDS], i & 7, i * 7919, "the dhrystone manner of it"};
        records[i].text[i % 16] = 'z';
    }
    struct record *record = records;
    begin();
    for (unsigned turn = 0; turn < turns; turn++) {
        visit(record, array, turn);
        record = record->next;
    }
    end();
    uint64_t hash = hash_bytes(HASH_START, array, sizeof array);
    for (int i = 0; i < RECORDS; i++)
        hash = hash_bytes(hash, &records[i].kind, sizeof records[i] - offsetof(struct record, kind));
    return hash;
}
