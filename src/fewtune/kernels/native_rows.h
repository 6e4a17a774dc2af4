/* Included by native.c: products of few rows in fp32, and LoRA's correction with them,
 *
 *     y (m, n) = x (m, k) w' + bias + scale (x a') b'        w (n, k), or `across`: (k, n), not turned; a (r, k), b (n, r)
 *
 * While a model writes, each weight is asked once for a few rows: what counts is that it comes from memory without waiting and is used as it stands.
 * Where w stands as (n, k), number p of sixteen rows of x stand beside each other in a vector, and every number of w multiplies such a vector: nothing of w
 * is moved, and no vector has to be summed at the end. Where it stands as (k, n), every number of x multiplies vectors of w. Each sum runs over k in order, by
 * pieces, whatever the other rows are and however many threads there are.
 */
#if defined(__AVX512F__)
#define WIDE 16 /* numbers of a register */
#define GROUP 8 /* rows of w at a time: so many sums are enough to hide how long an addition takes */
#define BESIDE 3 /* registers of a row of w at a time, where w stands as (k, n) */
#define BELOW 8 /* rows of x that pass them together */
#elif defined(__AVX__)
#define WIDE 8
#define GROUP 6
#define BESIDE 3
#define BELOW 4
#else
#define WIDE 4
#define GROUP 4
#define BESIDE 3
#define BELOW 4
#endif
#define TOGETHER 16 /* rows of x */
#define PARTS (TOGETHER / WIDE)
#define PIECE 256 /* numbers of k that are summed by themselves: fewer roundings stand one upon another */
#define LINE 16   /* numbers that come from memory together */
#define RUN 64    /* rows of w, as (k, n), that are read together: they lie in as many pages of memory */
#define LITTLE 16384 /* numbers of w below which a second thread is not worth waking */

typedef float numbers __attribute__((vector_size(4 * WIDE)));
typedef float loose __attribute__((vector_size(4 * WIDE), aligned(4)));
typedef struct {
    numbers part[PARTS];
} column;

int omp_get_thread_num(void);
int omp_get_num_threads(void);

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

#ifdef __AVX512F__
#include <immintrin.h>

/* 16 rows of 16 words of 32 bits, `apart` words from each other, as columns: y (16, 16) */
static inline void turned_tile(const uint32_t *x, int64_t apart, uint32_t *y) {
    __m512i r[16], t[16];
    for (int i = 0; i < 16; i++) r[i] = _mm512_loadu_si512(x + i * apart);
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int h = 0; h < 2; h++) {
            r[i + 2 * h] = _mm512_unpacklo_epi64(t[i + h], t[i + h + 2]);
            r[i + 2 * h + 1] = _mm512_unpackhi_epi64(t[i + h], t[i + h + 2]);
        }
    for (int i = 0; i < 4; i++) {
        const __m512i a = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88), b = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xDD);
        const __m512i c = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88), d = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xDD);
        _mm512_store_si512(y + i * 16, _mm512_shuffle_i32x4(a, c, 0x88));
        _mm512_store_si512(y + (i + 8) * 16, _mm512_shuffle_i32x4(a, c, 0xDD));
        _mm512_store_si512(y + (i + 4) * 16, _mm512_shuffle_i32x4(b, d, 0x88));
        _mm512_store_si512(y + (i + 12) * 16, _mm512_shuffle_i32x4(b, d, 0xDD));
    }
}
#endif

/* The columns of x (m, k), m at most 16; where there is no row stand zeros. */
static void as_columns(const float *x, int64_t m, int64_t k, column *to) {
    int64_t p = 0;
#ifdef __AVX512F__
    for (; m == TOGETHER && p + LINE <= k; p += LINE) turned_tile((const uint32_t *)(x + p), k, (uint32_t *)(to + p));
#endif
    for (; p < k; p += LINE)
        for (int64_t i = 0; i < TOGETHER; i++)
            for (int64_t q = p; q < least(p + LINE, k); q++) ((float *)(to + q))[i] = i < m ? x[i * k + q] : 0.0f;
}

/* sums[c] += sum over p of w[c, p] x[p], c < count: `count` stands in registers, so it has to be known when this is compiled. */
static inline __attribute__((always_inline)) void add_products(const float *w, int64_t k, const column *x, int count, column *sums) {
    for (int64_t start = 0; start < k; start += PIECE) {
        const int64_t end = least(start + PIECE, k);
        column own[GROUP] = {0};
        for (int64_t p = start; p < end; p += LINE) {
            for (int c = 0; c < count; c++) __builtin_prefetch(w + (count + c) * k + p); /* of the next rows */
            for (int64_t q = p; q < least(p + LINE, end); q++)
#pragma GCC unroll 8
                for (int c = 0; c < count; c++)
#pragma GCC unroll 4
                    for (int v = 0; v < PARTS; v++) own[c].part[v] += w[c * k + q] * x[q].part[v];
        }
        for (int c = 0; c < count; c++)
            for (int v = 0; v < PARTS; v++) sums[c].part[v] += own[c].part[v];
    }
}

/* The same where fewer than a group may be left. */
static inline void add_some_products(const float *w, int64_t k, const column *x, int64_t count, column *sums) {
    if (count == GROUP)
        add_products(w, k, x, GROUP, sums);
    else
        for (int64_t c = 0; c < count; c++) add_products(w + c * k, k, x, 1, sums + c);
}

/* y (rows, beside registers) += x (rows, k) w (k, ...): `rows` and `beside` stand in registers. */
static inline __attribute__((always_inline)) void add_across(const float *x, int64_t k, const float *w, int64_t n, int64_t run, int rows,
                                                             int beside, float *y) {
    loose sums[BELOW][BESIDE] = {0};
    for (int64_t p = 0; p < run; p++) {
        const loose *of_w = (const loose *)(w + p * n);
        for (int v = 0; v < beside; v++) __builtin_prefetch(of_w + beside + v); /* of the next columns */
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
            for (int v = 0; v < beside; v++) sums[i][v] += x[i * k + p] * of_w[v];
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < beside; v++) ((loose *)(y + i * n))[v] += sums[i][v];
}

/* The same for all rows of x. */
static inline __attribute__((always_inline)) void add_rows_across(const float *x, int64_t m, int64_t k, const float *w, int64_t n, int64_t run,
                                                                  int beside, float *y) {
    int64_t i = 0;
    for (; i + BELOW <= m; i += BELOW) add_across(x + i * k, k, w, n, run, BELOW, beside, y + i * n);
    for (; i + 2 <= m; i += 2) add_across(x + i * k, k, w, n, run, 2, beside, y + i * n);
    for (; i < m; i++) add_across(x + i * k, k, w, n, run, 1, beside, y + i * n);
}

/* The columns `begin` to `end` of y = x w, w (k, n) */
static void products_across(const float *x, const float *w, float *y, int64_t m, int64_t n, int64_t k, int64_t begin, int64_t end) {
    for (int64_t i = 0; i < m; i++) memset(y + i * n + begin, 0, (end - begin) * sizeof *y);
    for (int64_t start = 0; start < k; start += RUN) {
        const int64_t run = least(RUN, k - start);
        const float *rows = w + start * n, *of_x = x + start;
        int64_t j = begin;
        for (; j + BESIDE * WIDE <= end; j += BESIDE * WIDE) add_rows_across(of_x, m, k, rows + j, n, run, BESIDE, y + j);
        for (; j + WIDE <= end; j += WIDE) add_rows_across(of_x, m, k, rows + j, n, run, 1, y + j);
        for (; j < end; j++)
            for (int64_t i = 0; i < m; i++) {
                float sum = 0;
                for (int64_t p = 0; p < run; p++) sum += of_x[i * k + p] * rows[p * n + j];
                y[i * n + j] += sum;
            }
    }
}

/* `across`: w stands as (k, n). bias may be null; so may a and b, where r is 0. `room` is for threads times (m / 16, rounded up) times (k + r) columns, at a multiple of 64 bytes. */
void few_rows(const float *x, const float *w, const float *bias, const float *a, const float *b, float *room, float *y, int64_t m,
              int64_t n, int64_t k, int64_t r, int across, float scale, int threads) {
    const int64_t high = (m + TOGETHER - 1) / TOGETHER, tall = k + r;
#pragma omp parallel num_threads(threads) if (n * k > LITTLE)
    {
        const int64_t all = omp_get_num_threads(), me = omp_get_thread_num();
        const int64_t begin = n / WIDE * me / all * WIDE, end = me + 1 < all ? n / WIDE * (me + 1) / all * WIDE : n;
        column *own = (column *)room + me * high * tall; /* each thread turns x itself, rather than wait for what another has written */
        if (across) products_across(x, w, y, m, n, k, begin, end);
        for (int64_t h = 0; h < high && (r || !across); h++) {
            column *of_x = own + h * tall, *of_a = of_x + k;
            as_columns(x + h * TOGETHER * k, least(m - h * TOGETHER, TOGETHER), k, of_x);
            for (int64_t q = 0; q < r; q += GROUP) {
                column sums[GROUP] = {0};
                const int64_t count = least(r - q, GROUP);
                add_some_products(a + q * k, k, of_x, count, sums);
                for (int64_t c = 0; c < count; c++)
                    for (int v = 0; v < PARTS; v++) of_a[q + c].part[v] = sums[c].part[v] * scale;
            }
        }
        for (int64_t j = begin; j < end; j += GROUP) {
            const int64_t count = least(end - j, GROUP);
            for (int64_t h = 0; h < high; h++) {
                const column *of_x = own + h * tall;
                column sums[GROUP] = {0};
                if (!across) add_some_products(w + j * k, k, of_x, count, sums);
                add_some_products(b + j * r, r, of_x + k, count, sums);
                for (int64_t i = 0; i < least(m - h * TOGETHER, TOGETHER); i++)
                    for (int64_t c = 0; c < count; c++) {
                        float *to = y + (h * TOGETHER + i) * n + j + c;
                        *to = (across ? *to : 0.0f) + ((const float *)(sums + c))[i] + (bias ? bias[j + c] : 0.0f);
                    }
            }
        }
    }
}
