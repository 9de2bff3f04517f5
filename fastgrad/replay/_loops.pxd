"""Loops of our own: over few numbers, to masks, and by masks."""

from fastgrad._kernels.loops cimport intp

cdef extern from *:
    """
    /* Loops over few numbers: NumPy's look first at how their operands overlap, which takes longer.
       Each rounds once, as those do. An output is one of the operands, or apart from them. */
    #if defined(__clang__)
    #define FG_APART _Pragma("clang loop vectorize(assume_safety)")
    #elif defined(__GNUC__)
    #define FG_APART _Pragma("GCC ivdep")
    #else
    #define FG_APART
    #endif
    #define FG_FEW(op) \
        if (sx && sy) { \
            FG_APART for (npy_intp i = 0; i < n; i++) z[i] = x[i] op y[i]; } \
        else if (sx) { double b = *y; \
            FG_APART for (npy_intp i = 0; i < n; i++) z[i] = x[i] op b; } \
        else { double a = *x; \
            FG_APART for (npy_intp i = 0; i < n; i++) z[i] = a op y[i]; } \
        return;
    static void fg_few(int op, const double *x, npy_intp sx, const double *y, npy_intp sy,
                       double *z, npy_intp n) {
        switch (op) {
        case 0: FG_FEW(+)
        case 1: FG_FEW(-)
        case 2: FG_FEW(*)
        case 3: FG_FEW(/)
        }
    }
    """
    void run_few "fg_few"(int op, double *x, intp sx, double *y, intp sy, double *z,
                          intp n) noexcept

ctypedef fused real:
    float
    double


cdef inline void compare_all(int op, real *x, intp sx, real *y, intp sy, char *z,
                             intp n) noexcept:
    cdef intp i
    if op == 0:
        for i in range(n):
            z[i] = x[i * sx] < y[i * sy]
    elif op == 1:
        for i in range(n):
            z[i] = x[i * sx] <= y[i * sy]
    elif op == 2:
        for i in range(n):
            z[i] = x[i * sx] == y[i * sy]
    elif op == 3:
        for i in range(n):
            z[i] = x[i * sx] != y[i * sy]
    elif op == 4:
        for i in range(n):
            z[i] = x[i * sx] > y[i * sy]
    else:
        for i in range(n):
            z[i] = x[i * sx] >= y[i * sy]


cdef inline void choose_all(char *mask, intp sm, real *x, intp sx, real *y, intp sy, real *z,
                            intp n) noexcept:
    cdef intp i
    for i in range(n):
        z[i] = x[i * sx] if mask[i * sm] else y[i * sy]
