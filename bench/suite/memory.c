/* What the memory management unit and the kernel's page tables are asked for. */
#include <sys/mman.h>

#include "suite.h"

/* Follows pointers through 64 MB in an order that no prefetcher knows: a page is seldom the one before. */
uint64_t chase(void)
{
    enum { BYTES = 64 << 20, STRIDE = 64, CELLS = BYTES / STRIDE };
    unsigned steps = scaled(2000000);
    struct cell {
        struct cell *next;
        char rest[STRIDE - sizeof(struct cell *)];
    } *cells = memory(BYTES);
    uint32_t *order = memory(CELLS * sizeof *order);
    for (uint32_t i = 0; i < CELLS; i++)
        order[i] = i;
    uint64_t seed = 7;
    /* Sattolo: one cycle through all cells. */
    for (uint32_t i = CELLS - 1; i > 0; i--) {
        uint32_t j = next_random(&seed) % i, other = order[i];
        order[i] = order[j];
        order[j] = other;
    }
    for (uint32_t i = 0; i < CELLS; i++)
        cells[i].next = &cells[order[i]];
    munmap(order, CELLS * sizeof *order);
    struct cell *at = cells;
    begin();
    for (unsigned step = 0; step < steps; step++)
        at = at->next;
    end();
    return at - cells;
}

/* Maps, touches and unmaps small pages. */
uint64_t pagefault(void)
{
    enum { PAGE = 4096, PAGES = 1024 };
    unsigned turns = scaled(40);
    uint64_t sum = 0;
    begin();
    for (unsigned turn = 0; turn < turns; turn++) {
        char *at = mmap(0, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED)
            fail("mmap");
        madvise(at, PAGES * PAGE, MADV_NOHUGEPAGE);
        for (int page = 0; page < PAGES; page++)
            at[page * PAGE] += page + turn;
        for (int page = 0; page < PAGES; page++)
            sum += (unsigned char)at[page * PAGE];
        munmap(at, PAGES * PAGE);
    }
    end();
    return sum;
}
