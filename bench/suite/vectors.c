/* SSE2, written with its intrinsics: the C library would choose other instructions on other processors. */
#include <emmintrin.h>
#include <string.h>

#include "suite.h"

enum { BYTES = 256 << 10 };

static void fill(uint8_t *bytes, uint64_t seed)
{
    for (int i = 0; i < BYTES; i++)
        bytes[i] = next_random(&seed) >> 24;
}

/* Keeps a compiler from seeing that a buffer is written in vain. */
static inline void used(void *buffer) { __asm__ volatile("" : : "r"(buffer) : "memory"); }

uint64_t sse_memcpy(void)
{
    unsigned turns = scaled(4000);
    uint8_t *from = memory(BYTES), *to = memory(BYTES);
    fill(from, 5);
    begin();
    for (unsigned turn = 0; turn < turns; turn++) {
        for (int at = 0; at < BYTES; at += 64) {
            const __m128i *source = (const __m128i *)(from + at);
            __m128i *target = (__m128i *)(to + at);
            __m128i w = _mm_load_si128(source), x = _mm_load_si128(source + 1);
            __m128i y = _mm_load_si128(source + 2), z = _mm_load_si128(source + 3);
            _mm_store_si128(target, w);
            _mm_store_si128(target + 1, x);
            _mm_store_si128(target + 2, y);
            _mm_store_si128(target + 3, z);
        }
        used(to);
        from[turn % BYTES]++;
    }
    end();
    return hash_bytes(HASH_START, to, BYTES);
}

uint64_t sse_memset(void)
{
    unsigned turns = scaled(12000);
    uint8_t *to = memory(BYTES);
    begin();
    for (unsigned turn = 0; turn < turns; turn++) {
        __m128i value = _mm_set1_epi8((char)turn);
        for (int at = 0; at < BYTES; at += 64) {
            __m128i *target = (__m128i *)(to + at);
            _mm_store_si128(target, value);
            _mm_store_si128(target + 1, value);
            _mm_store_si128(target + 2, value);
            _mm_store_si128(target + 3, value);
        }
        used(to);
    }
    end();
    return hash_bytes(HASH_START, to, BYTES);
}

/* A dot product of floats, four at a time. */
uint64_t sse_dot(void)
{
    enum { FLOATS = 8192 };
    unsigned turns = scaled(8000);
    float *a = memory(FLOATS * sizeof *a), *b = memory(FLOATS * sizeof *b);
    uint64_t seed = 6;
    for (int i = 0; i < FLOATS; i++) {
        a[i] = (float)(int32_t)next_random(&seed) * 0x1p-31f;
        b[i] = (float)(int32_t)next_random(&seed) * 0x1p-31f;
    }
    __m128 sum = _mm_setzero_ps(), other = _mm_setzero_ps();
    begin();
    for (unsigned turn = 0; turn < turns; turn++)
        for (int i = 0; i < FLOATS; i += 8) {
            sum = _mm_add_ps(sum, _mm_mul_ps(_mm_load_ps(a + i), _mm_load_ps(b + i)));
            other = _mm_add_ps(other, _mm_mul_ps(_mm_load_ps(a + i + 4), _mm_load_ps(b + i + 4)));
        }
    end();
    float lanes[4];
    _mm_storeu_ps(lanes, _mm_add_ps(sum, other));
    return hash_bytes(HASH_START, lanes, sizeof lanes);
}
