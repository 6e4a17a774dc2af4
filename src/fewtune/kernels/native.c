/* What a training step does beside matrix products, each in one or two passes over the numbers: dropout, activations, RMSNorm, and the
 * running softmax of a large vocabulary; and the products that torch takes too long for. Plain C, in loops that a compiler turns into vectors.
 *
 * Numbers are bf16 or fp32 in memory and fp32 in registers. Threads are those of OpenMP; each row, or block, is one thread's.
 *
 * Dropout leaves no mask in memory: its bits are formed again from a seed in the backward pass. Element i is kept where the i-th 16 bits of Threefry-4x32 with 12 rounds (Salmon et al. 2011, "Parallel Random Numbers: As Easy as
 * 1, 2, 3", SC11; 12 is the fewest that passes BigCrush) are below `left`. The counter is a lane's number, the key the seed.
 */
#include <stdint.h>
#include <string.h>

#define LANES 16
#define BLOCK (8 * LANES) /* numbers of 16 bits that a block of LANES counters gives */
#define FEW 8192          /* elements below which a second thread is not worth waking */
#define AHEAD 1024        /* numbers by which reading runs ahead: what a pass reads was written long ago, and the core asks too late for it */

static const int TURNS[8][2] = {{10, 26}, {11, 21}, {13, 27}, {23, 5}, {6, 20}, {17, 11}, {25, 10}, {18, 20}};

static inline uint32_t turned(uint32_t x, int by) { return (x << by) | (x >> (32 - by)); }

static inline void threefry(uint64_t seed, uint64_t block, uint32_t x[4][LANES]) {
    const uint32_t low = (uint32_t)seed, high = (uint32_t)(seed >> 32);
    const uint32_t key[5] = {low, high, 0, 0, 0x1BD11BDAu ^ low ^ high};
    for (int i = 0; i < LANES; i++) {
        const uint64_t number = block * LANES + i;
        x[0][i] = (uint32_t)number + key[0];
        x[1][i] = (uint32_t)(number >> 32) + key[1];
        x[2][i] = key[2];
        x[3][i] = key[3];
    }
#pragma GCC unroll 12
    for (int round = 0; round < 12; round++) {
        uint32_t *second = x[round % 2 ? 3 : 1], *fourth = x[round % 2 ? 1 : 3];
        for (int i = 0; i < LANES; i++) {
            x[0][i] += second[i];
            second[i] = turned(second[i], TURNS[round % 8][0]) ^ x[0][i];
            x[2][i] += fourth[i];
            fourth[i] = turned(fourth[i], TURNS[round % 8][1]) ^ x[2][i];
        }
        if (round % 4 == 3) {
            const int s = round / 4 + 1;
            for (int i = 0; i < LANES; i++) {
                x[0][i] += key[s % 5];
                x[1][i] += key[(s + 1) % 5];
                x[2][i] += key[(s + 2) % 5];
                x[3][i] += key[(s + 3) % 5] + s;
            }
        }
    }
}

/* The 16 bits of each element of a block. */
static inline void draws(uint64_t seed, uint64_t block, uint16_t draw[BLOCK]) {
    uint32_t words[4][LANES];
    threefry(seed, block, words);
    memcpy(draw, words, sizeof words);
}

static inline float of_bf16(uint16_t x) {
    const uint32_t bits = (uint32_t)x << 16;
    float found;
    memcpy(&found, &bits, sizeof found);
    return found;
}

/* To the nearest, ties to even; what is no number stays none. */
static inline uint16_t to_bf16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
    return (uint16_t)((bits & 0x7FFFFFFF) > 0x7F800000 ? (bits >> 16) | 0x40 : rounded);
}

static inline uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float of_fp32(float x) { return x; }
static inline float to_fp32(float x) { return x; }

static inline void ask_for(const void *x, int bytes) {
    for (int i = 0; i < bytes; i += 64) __builtin_prefetch((const char *)x + i);
}

/* y[i] = kept(i) ? VALUE of x[i] : 0, VALUE as bits of type `bits`; `mask` is all ones or zero. */
#define KEEP(name, type, bits, VALUE)                                                                                       \
    static inline void name##_some(const type *restrict x, bits *restrict y, int n, const uint16_t *draw, uint16_t left, \
                                   float scale) {                                                                           \
        (void)scale;                                                                                                        \
        for (int i = 0; i < n; i++) y[i] = (bits)(VALUE) & (bits) - (bits)(draw[i] < left);                                 \
    }                                                                                                                       \
    void name(const type *x, bits *y, int64_t n, uint64_t seed, uint16_t left, float scale, int threads) {                  \
        const int64_t blocks = (n + BLOCK - 1) / BLOCK;                                                                     \
        _Pragma("omp parallel for schedule(static) num_threads(threads) if (n > FEW)")                                     \
        for (int64_t block = 0; block < blocks; block++) {                                                                  \
            uint16_t draw[BLOCK];                                                                                           \
            draws(seed, (uint64_t)block, draw);                                                                             \
            const int64_t start = block * BLOCK;                                                                            \
            ask_for(x + start + AHEAD, BLOCK * sizeof(type));                                                               \
            if (n - start >= BLOCK)                                                                                         \
                name##_some(x + start, y + start, BLOCK, draw, left, scale);                                                \
            else                                                                                                            \
                name##_some(x + start, y + start, (int)(n - start), draw, left, scale);                                     \
        }                                                                                                                   \
    }

KEEP(keep_16, uint16_t, uint16_t, x[i])
KEEP(keep_32, uint32_t, uint32_t, x[i])
KEEP(keep_64, uint64_t, uint64_t, x[i])
KEEP(keep_bf16_times, uint16_t, uint16_t, to_bf16(of_bf16(x[i]) * scale))
KEEP(keep_fp32_times, float, uint32_t, bits_of(x[i] * scale))

#define STRETCH 512

/* y[i] = values[x[i]]: a function of one number of 16 bits, as a table of all */
void looked_up(const uint16_t *x, const uint16_t *values, uint16_t *y, int64_t n, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads) if (n > FEW)
    for (int64_t start = 0; start < n; start += STRETCH) {
        const uint16_t *restrict a = x + start;
        uint16_t *restrict b = y + start;
        const int64_t rest = n - start;
        ask_for(a + AHEAD, STRETCH * sizeof *a);
        for (int i = 0; i < (rest < STRETCH ? rest : STRETCH); i++) b[i] = values[a[i]];
    }
}

/* dx[i] = g[i] slopes[x[i]], g and dx bf16 */
void looked_up_backward(const uint16_t *g, const uint16_t *x, const float *slopes, uint16_t *dx, int64_t n, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads) if (n > FEW)
    for (int64_t start = 0; start < n; start += STRETCH) {
        const uint16_t *restrict a = x + start, *restrict b = g + start;
        uint16_t *restrict c = dx + start;
        const int64_t rest = n - start;
        ask_for(a + AHEAD, STRETCH * sizeof *a);
        ask_for(b + AHEAD, STRETCH * sizeof *b);
        for (int i = 0; i < (rest < STRETCH ? rest : STRETCH); i++) c[i] = to_bf16(of_bf16(b[i]) * slopes[a[i]]);
    }
}

/* e^x to 2 units in the last place; 0 below -87, and what is no number stays none. The polynomial is Cephes' (Moshier). */
static inline float power_of_e(float x) {
    const float shifter = 12582912.0f; /* 1.5 * 2^23: adding it rounds to whole numbers */
    const float within = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    const float whole = (within * 1.44269504f + shifter) - shifter;
    const float rest = (within - whole * 0.693359375f) + whole * 2.12194440e-4f;
    float found = 1.9875691500e-4f;
    found = found * rest + 1.3981999507e-3f;
    found = found * rest + 8.3334519073e-3f;
    found = found * rest + 4.1665795894e-2f;
    found = found * rest + 1.6666665459e-1f;
    found = found * rest + 5.0000001201e-1f;
    found = found * rest * rest + rest + 1.0f;
    const uint32_t bits = bits_of(found) + ((uint32_t)(int32_t)whole << 23);
    memcpy(&found, &bits, sizeof found);
    return x < -87.0f ? 0.0f : x != x ? x : found;
}

#define JOINED(name, kind) name##_##kind
#define NAMED(name, kind) JOINED(name, kind)

#define KIND bf16
#define NUMBER uint16_t
#include "native_typed.h"
#undef KIND
#undef NUMBER

#define KIND fp32
#define NUMBER float
#include "native_typed.h"

#include "native_rows.h"
#include "native_tiles.h"
