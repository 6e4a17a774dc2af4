/* Included by native.c: products of bf16 on a processor that multiplies tiles (Intel's AMX),
 *
 *     y (m, n) = x (m, k) w + bias        w stands as (k, n), or `turned`, as (n, k)
 *
 * A tile has 16 rows of 64 bytes; one instruction adds to 16 x 16 sums in fp32 the product of 16 x 32 numbers of x and 32 x 16 of w. Four tiles are sums,
 * two hold rows of x, two columns of w. The right factor has to stand in pairs: two rows of w beside each other in words of 32 bits. A thread
 * brings its columns of w into that order, as many as its cache holds (a panel), and sends all rows of x past them. Each sum runs over k in order,
 * whatever the other rows are and however many threads there are, and is rounded once, with the bias.
 */
#ifdef __AMX_BF16__
#include <stdlib.h>

#define SIDE 32                            /* rows and columns of a block of four tiles, and numbers of k that a step takes */
#define TILE 256                           /* words of 32 bits */
#define STEP (2 * TILE)                    /* words of a panel that a step takes */
#define PANEL (1 << 20)                    /* bytes of a panel: half of a core's second cache */
#define DEEP 1536                          /* numbers of k that a panel has at most; sums over more wait in fp32 */
#define BLOCK_OF_SUMS (4 * TILE)           /* numbers */
#define MANY 512                           /* rows of x for each thread, from which on threads share them and not the columns of w */
#define FAR 256                            /* numbers of w by which reading its rows runs ahead */

long syscall(long number, ...);

/* Whether the system lets this process use tiles; it has to be asked once. */
int has_tiles(void) { return syscall(158 /* arch_prctl */, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18 /* XFEATURE_XTILEDATA */) == 0; }

static void tiles_on(void) {
    struct {
        uint8_t palette, start, zeros[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } shape = {.palette = 1};
    for (int i = 0; i < 8; i++) shape.bytes[i] = 64, shape.rows[i] = 16;
    __asm__ volatile("ldtilecfg %0" ::"m"(shape)); /* the intrinsic of gcc 12 does not say that it reads the shape */
}

/* Bytes of a panel for m rows. While few rows pass a panel little is read ahead for the next one, so the first had better be small; but columns of
 * few numbers each are read from all over w. */
static int64_t bytes_of_panel(int64_t m, int turned) {
    if (!turned || m >= PANEL / 512) return PANEL;
    return m < PANEL / 2048 ? PANEL / 4 : m * 512;
}

/* A panel: the first `deep` numbers of `blocks` times 32 rows, `apart` from each other, as columns. A block is deep / 32 steps, a step two tiles. */
static void panel_of_rows(const uint16_t *w, int64_t apart, int64_t deep, int64_t blocks, uint32_t *panel) {
    for (int64_t half = 0; half < 2 * blocks; half++) {
        const uint16_t *rows = w + half * 16 * apart;
        uint32_t *at = panel + half / 2 * deep * 16 + half % 2 * TILE;
        for (int64_t p = 0; p < deep; p += SIDE, at += STEP) {
            for (int i = 0; i < 16; i++) ask_for(rows + i * apart + p + FAR, 64);
            turned_tile((const uint32_t *)(rows + p), apart / 2, at);
        }
    }
}

/* The same of `deep` rows and `blocks` times 32 columns. Rows are read along, for their columns stand far from each other. */
static void panel_of_columns(const uint16_t *w, int64_t apart, int64_t deep, int64_t blocks, uint32_t *panel) {
    uint16_t order[SIDE];
    for (int i = 0; i < SIDE; i++) order[i] = (uint16_t)(i / 2 + i % 2 * SIDE); /* a number of the first row, one of the second */
    const __m512i first = _mm512_loadu_si512(order), second = _mm512_add_epi16(first, _mm512_set1_epi16(16));
    for (int64_t p = 0; p < deep; p += 2) {
        const uint16_t *row = w + p * apart;
        uint32_t *at = panel + p / SIDE * STEP + p % SIDE * 8;
        for (int64_t b = 0; b < blocks; b++, row += SIDE, at += deep * 16) {
            ask_for(row + 8 * apart, 64);
            ask_for(row + 9 * apart, 64);
            const __m512i r = _mm512_loadu_si512(row), s = _mm512_loadu_si512(row + apart);
            _mm512_store_si512(at, _mm512_permutex2var_epi16(r, first, s));
            _mm512_store_si512(at + TILE, _mm512_permutex2var_epi16(r, second, s));
        }
    }
}

/* Sixteen numbers from the j-th on; zeros where there is no bias. */
static inline __m512 bias_of(const uint16_t *bias, int64_t j) {
    if (!bias) return _mm512_setzero_ps();
    return (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(bias + j))), 16);
}

/* A block whose sums are complete and wait to be rounded, a row at a time, while the next one is multiplied. */
typedef struct {
    const float *sums;
    uint16_t *y;
    __m512 bias[2];
    int row; /* the next one; SIDE: all are written */
} waiting;

static inline void write_row(waiting *of, int64_t n) {
    const float *at = of->sums + of->row / 16 * STEP + of->row % 16 * 16;
    const __m512 left = _mm512_add_ps(_mm512_load_ps(at), of->bias[0]), right = _mm512_add_ps(_mm512_load_ps(at + TILE), of->bias[1]);
    _mm512_storeu_si512(of->y + of->row++ * n, (__m512i)_mm512_cvtne2ps_pbh(right, left));
}

/* Lines of memory that are needed soon, asked for a few at a time: `length` of each row, rows `apart` from each other. */
typedef struct {
    const uint16_t *line;
    int64_t left, length, apart, in_row;
} errand;

/* To the panel that begins with block `from` at number `start` of k; to nothing where there is none. */
static inline errand the_next(const uint16_t *w, int64_t n, int64_t k, int turned, int64_t start, int64_t from, int64_t end, int64_t most, int64_t deep) {
    if (start >= k) return (errand){.left = 0};
    const int64_t some = k - start < deep ? k - start : deep, blocks = end - from < most ? end - from : most;
    if (turned) return (errand){w + from * SIDE * k + start, blocks * some, some / 32, k, 0};
    return (errand){w + start * n + from * SIDE, blocks * some, blocks, n, 0};
}

static inline void run(errand *on, int64_t lines) {
    for (; lines > 0 && on->left > 0; lines--, on->left--) {
        _mm_prefetch(on->line, _MM_HINT_T1);
        on->line += 32;
        if (++on->in_row == on->length) on->line += on->apart - on->length * 32, on->in_row = 0;
    }
}

static inline void no_sums(void) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

static inline void sums_from(const float *at) {
    _tile_loadd(0, at, 64);
    _tile_loadd(1, at + TILE, 64);
    _tile_loadd(2, at + 2 * TILE, 64);
    _tile_loadd(3, at + 3 * TILE, 64);
}

static inline void store_sums(float *to) {
    _tile_stored(0, to, 64);
    _tile_stored(1, to + TILE, 64);
    _tile_stored(2, to + 2 * TILE, 64);
    _tile_stored(3, to + 3 * TILE, 64);
}

/* bias (n) may be null; n and k are multiples of 32, m is 32 at least. */
void product(const uint16_t *x, const uint16_t *w, const uint16_t *bias, uint16_t *y, int64_t m, int64_t n, int64_t k, int turned, int threads) {
    const int64_t pieces = (k + DEEP - 1) / DEEP, deep = ((k / SIDE + pieces - 1) / pieces) * SIDE;
    const int64_t fit = bytes_of_panel(m, turned) / (deep * 64), rows_a_step = SIDE * SIDE / deep + 1;
    const int share_rows = m >= MANY * threads;
#pragma omp parallel num_threads(threads)
    {
        const int64_t all = omp_get_num_threads(), me = omp_get_thread_num();
        const int64_t top = share_rows ? m * me / all : 0, bottom = share_rows ? m * (me + 1) / all : m;
        const int64_t begin = share_rows ? 0 : n / SIDE * me / all, end = share_rows ? n / SIDE : n / SIDE * (me + 1) / all;
        const int64_t panels = (end - begin + fit - 1) / fit, most = panels ? (end - begin + panels - 1) / panels : 0;
        const int64_t high = (bottom - top + SIDE - 1) / SIDE, kept = pieces > 1 ? high * (end - begin) : 0;
        const size_t need = (size_t)(BLOCK_OF_SUMS * (2 + kept) * 4 + most * deep * 64);
        float *own = aligned_alloc(4096, (need + 4095) / 4096 * 4096); /* not kept: a thread that ends would leave it behind */
        float *done[2] = {own, own + BLOCK_OF_SUMS}, *unfinished = own + 2 * BLOCK_OF_SUMS;
        uint32_t *panel = (uint32_t *)(unfinished + kept * BLOCK_OF_SUMS);
        waiting rows = {.row = SIDE};
        int which = 0;
        tiles_on();
        for (int64_t start = 0; start < k; start += deep)
            for (int64_t from = begin; from < end; from += most) {
                const int64_t some = k - start < deep ? k - start : deep, blocks = end - from < most ? end - from : most;
                const int64_t place = turned ? from * SIDE * k + start : start * n + from * SIDE;
                (turned ? panel_of_rows : panel_of_columns)(w + place, turned ? k : n, some, blocks, panel);
                __asm__ volatile("" ::: "memory"); /* loading a tile does not tell gcc that it reads memory */
                const int more = from + blocks < end; /* columns for this piece of k */
                errand to_w = the_next(w, n, k, turned, more ? start : start + deep, more ? from + blocks : begin, end, most, deep);
                const int64_t steps = high * blocks * some / SIDE, lines_of_w = (to_w.left + steps - 1) / steps;
                for (int64_t at = 0; at < high; at++) {
                    /* The last rows are computed twice rather than others beside them. */
                    const int64_t i = top + (at + 1) * SIDE <= bottom ? top + at * SIDE : bottom - SIDE;
                    const uint16_t *a = x + i * k + start, *then = at + 2 <= high ? a + SIDE * k : a;
                    for (int64_t b = 0; b < blocks; b++) {
                        const uint32_t *of_w = panel + b * some * 16;
                        float *sums = unfinished + (at * (end - begin) + from - begin + b) * BLOCK_OF_SUMS;
                        const int64_t first = b * SIDE / blocks, last = (b + 1) * SIDE / blocks; /* of the next rows, asked for meanwhile */
                        if (start)
                            sums_from(sums);
                        else
                            no_sums();
                        for (int64_t p = 0; p < some; p += SIDE, of_w += STEP) {
                            _tile_loadd(4, a + p, k * 2);
                            _tile_loadd(6, of_w, 64);
                            _tile_loadd(7, of_w + TILE, 64);
                            _tile_dpbf16ps(0, 4, 6);
                            _tile_dpbf16ps(1, 4, 7);
                            _tile_loadd(5, a + 16 * k + p, k * 2);
                            _tile_dpbf16ps(2, 5, 6);
                            _tile_dpbf16ps(3, 5, 7);
                            run(&to_w, lines_of_w);
                            for (int64_t row = first; row < last; row++) _mm_prefetch(then + row * k + p, _MM_HINT_T1);
                            for (int r = 0; r < rows_a_step && rows.row < SIDE; r++) write_row(&rows, n);
                        }
                        while (rows.row < SIDE) write_row(&rows, n);
                        if (start + some < k) {
                            store_sums(sums);
                        } else {
                            const int64_t j = (from + b) * SIDE;
                            store_sums(done[which]);
                            rows = (waiting){done[which], y + i * n + j, {bias_of(bias, j), bias_of(bias, j + 16)}, 0};
                            which = 1 - which;
                        }
                    }
                }
            }
        while (rows.row < SIDE) write_row(&rows, n);
        _tile_release();
        free(own);
    }
}
#else
int has_tiles(void) { return 0; }

void product(const uint16_t *x, const uint16_t *w, const uint16_t *bias, uint16_t *y, int64_t m, int64_t n, int64_t k, int turned, int threads) {
    (void)x, (void)w, (void)bias, (void)y, (void)m, (void)n, (void)k, (void)turned, (void)threads;
}
#endif
