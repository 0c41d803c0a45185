/* Programs in double precision. None of them depends on the order a compiler or a processor chooses: the checksums are
 * the results' bits. */
#include <math.h>

#include "suite.h"

uint64_t matmul(void)
{
    enum { N = 96 };
    unsigned turns = scaled(48);
    double *a = memory(N * N * sizeof *a), *b = memory(N * N * sizeof *b), *c = memory(N * N * sizeof *c);
    uint64_t seed = 4;
    for (int i = 0; i < N * N; i++) {
        a[i] = (double)(int64_t)next_random(&seed) * 0x1p-63;
        b[i] = (double)(int64_t)next_random(&seed) * 0x1p-63;
    }
    begin();
    for (unsigned turn = 0; turn < turns; turn++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                double sum = 0;
                for (int k = 0; k < N; k++)
                    sum += a[i * N + k] * b[k * N + j];
                c[i * N + j] = sum + c[i * N + j] * 0.5;
            }
    end();
    return hash_bytes(HASH_START, c, N * N * sizeof *c);
}

/* Five bodies under gravity, in the manner of the Computer Language Benchmarks Game; the orbits are made up. */
struct body {
    double x[3], v[3], mass;
};

static void advance(struct body *bodies, int count, double dt)
{
    for (int i = 0; i < count; i++)
        for (int j = i + 1; j < count; j++) {
            struct body *p = &bodies[i], *q = &bodies[j];
            double d[3], squared = 0;
            for (int axis = 0; axis < 3; axis++) {
                d[axis] = p->x[axis] - q->x[axis];
                squared += d[axis] * d[axis];
            }
            double magnitude = dt / (squared * sqrt(squared));
            for (int axis = 0; axis < 3; axis++) {
                p->v[axis] -= d[axis] * q->mass * magnitude;
                q->v[axis] += d[axis] * p->mass * magnitude;
            }
        }
    for (int i = 0; i < count; i++)
        for (int axis = 0; axis < 3; axis++)
            bodies[i].x[axis] += dt * bodies[i].v[axis];
}

uint64_t nbody(void)
{
    enum { BODIES = 5 };
    unsigned turns = scaled(240000);
    struct body bodies[BODIES];
    for (int i = 0; i < BODIES; i++) {
        double r = 1.0 + 3.0 * i, speed = i ? 6.0 / sqrt(r) : 0;
        bodies[i] = (struct body){{r, 0.1 * i, -0.05 * i * i}, {0.01 * i, speed, 0.2}, i ? 0.01 / i : 36.0};
    }
    begin();
    for (unsigned turn = 0; turn < turns; turn++)
        advance(bodies, BODIES, 0.001);
    end();
    return hash_bytes(HASH_START, bodies, sizeof bodies);
}

/* McCalpin's four kernels over arrays that no cache holds. */
uint64_t stream(void)
{
    enum { N = 1 << 20 };
    unsigned turns = scaled(2);
    double *a = memory(N * sizeof *a), *b = memory(N * sizeof *b), *c = memory(N * sizeof *c);
    for (int i = 0; i < N; i++) {
        a[i] = 1.0 + i * 0x1p-20;
        b[i] = 2.0;
    }
    begin();
    for (unsigned turn = 0; turn < turns; turn++) {
        for (int i = 0; i < N; i++)
            c[i] = a[i];
        for (int i = 0; i < N; i++)
            b[i] = 0.75 * c[i];
        for (int i = 0; i < N; i++)
            c[i] = a[i] + b[i];
        for (int i = 0; i < N; i++)
            a[i] = b[i] + 0.25 * c[i];
    }
    end();
    uint64_t hash = HASH_START;
    for (int i = 0; i < N; i += 1021)
        hash = hash_bytes(hash_bytes(hash, &a[i], sizeof a[i]), &c[i], sizeof c[i]);
    return hash;
}
