/* Included by native.c for each kind of number: KIND names it, NUMBER is what stands in memory. */
#define NAME(name) NAMED(name, KIND)
#define OF(x) NAMED(of, KIND)(x)
#define TO(x) NAMED(to, KIND)(x)

/* y += kept o x, n numbers */
void NAME(added)(NUMBER *y, const NUMBER *x, int64_t n, uint64_t seed, uint16_t left, int threads) {
    const int64_t blocks = (n + BLOCK - 1) / BLOCK;
#pragma omp parallel for schedule(static) num_threads(threads) if (n > FEW)
    for (int64_t block = 0; block < blocks; block++) {
        uint16_t draw[BLOCK];
        draws(seed, (uint64_t)block, draw);
        const NUMBER *restrict a = x + block * BLOCK;
        NUMBER *restrict b = y + block * BLOCK;
        const int64_t rest = n - block * BLOCK;
        ask_for(a + AHEAD, BLOCK * sizeof *a);
        ask_for(b + AHEAD, BLOCK * sizeof *b);
        for (int i = 0; i < (rest < BLOCK ? rest : BLOCK); i++) b[i] = TO(OF(b[i]) + (draw[i] < left ? OF(a[i]) : 0.0f));
    }
}

/* root = 1 / sqrt(mean of x^2 + epsilon), y = w round(x root); x (rows, n), w (n), root (rows) */
void NAME(rms_norm)(const NUMBER *x, const float *w, NUMBER *y, float *root, int64_t rows, int64_t n, float epsilon,
                    int between, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads) if (rows * n > FEW)
    for (int64_t row = 0; row < rows; row++) {
        const NUMBER *restrict a = x + row * n;
        NUMBER *restrict b = y + row * n;
        float squares = 0;
#pragma omp simd reduction(+ : squares)
        for (int64_t i = 0; i < n; i++) squares += OF(a[i]) * OF(a[i]);
        const float r = root[row] = 1.0f / __builtin_sqrtf(squares / (float)n + epsilon);
        if (between)
            for (int64_t i = 0; i < n; i++) b[i] = TO(OF(TO(OF(a[i]) * r)) * w[i]);
        else
            for (int64_t i = 0; i < n; i++) b[i] = TO(OF(a[i]) * r * w[i]);
    }
}

/* dx = root (u - x root^2 mean(u x)), u = w g */
void NAME(rms_norm_backward)(const NUMBER *g, const NUMBER *x, const float *w, const float *root, NUMBER *dx, int64_t rows,
                             int64_t n, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads) if (rows * n > FEW)
    for (int64_t row = 0; row < rows; row++) {
        const NUMBER *restrict a = x + row * n, *restrict b = g + row * n;
        NUMBER *restrict c = dx + row * n;
        float dot = 0;
#pragma omp simd reduction(+ : dot)
        for (int64_t i = 0; i < n; i++) dot += w[i] * OF(b[i]) * OF(a[i]);
        const float r = root[row], shared = dot * r * r * r / (float)n;
        for (int64_t i = 0; i < n; i++) c[i] = TO(w[i] * OF(b[i]) * r - OF(a[i]) * shared);
    }
}

/* z (rows, n) becomes e^(z - top), top the largest so far; shrunk = e^(top before - top), total = total shrunk + their sum */
void NAME(running_softmax)(NUMBER *z, float *top, float *total, float *shrunk, int64_t rows, int64_t n, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads) if (rows * n > FEW)
    for (int64_t row = 0; row < rows; row++) {
        NUMBER *restrict a = z + row * n;
        float most = top[row], sum = 0;
#pragma omp simd reduction(max : most)
        for (int64_t i = 0; i < n; i++) most = most > OF(a[i]) ? most : OF(a[i]);
        shrunk[row] = power_of_e(top[row] - most);
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++) {
            const float b = power_of_e(OF(a[i]) - most);
            sum += b;
            a[i] = TO(b);
        }
        total[row] = total[row] * shrunk[row] + sum;
        top[row] = most;
    }
}

#undef NAME
#undef OF
#undef TO
