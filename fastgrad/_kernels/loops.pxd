"""NumPy's inner loops, called directly; floating-point errors; what an array is in memory.

A ufunc call on small arrays spends 200-420 ns around a loop that takes 10: a direct call of the
loop with a fresh result takes 49, less with a spare one, and its bits are the ufunc's. What has no
direct loop here (other dtypes, strides, most broadcasting) goes to the ufunc. Arrays are `PyObject
*` throughout: borrowed by every function here, which own nothing and run no Python code but where
they say so.
"""

from cpython.object cimport PyObject

cdef extern from *:
    """
    #include <fenv.h>
    #include <numpy/arrayobject.h>
    #include <numpy/ufuncobject.h>
    #include <numpy/arrayscalars.h>

    #define FG_ARRAY(x) ((PyArrayObject *)(x))
    #define fg_ndim(x) PyArray_NDIM(FG_ARRAY(x))
    #define fg_dims(x) PyArray_DIMS(FG_ARRAY(x))
    #define fg_strides(x) PyArray_STRIDES(FG_ARRAY(x))
    #define fg_data(x) PyArray_BYTES(FG_ARRAY(x))
    #define fg_type(x) PyArray_TYPE(FG_ARRAY(x))
    #define fg_descr(x) PyArray_DESCR(FG_ARRAY(x))
    #define fg_size(x) PyArray_SIZE(FG_ARRAY(x))
    #define fg_nbytes(x) PyArray_NBYTES(FG_ARRAY(x))
    #define fg_flags(x) PyArray_FLAGS(FG_ARRAY(x))

    /* Cython imports what a module cimports once for its types, once for its functions, and by
       PyImport_ImportModule, which looks at the package too, and takes its lock while that is
       being imported: 390 times, a tenth of the time of an import. This asks for the module alone,
       and waits for it where another thread imports it. */
    static inline PyObject *fg_import(const char *name) {
        PyObject *module, *key = PyUnicode_FromString(name);
        if (key == NULL) return NULL;
        module = PyImport_GetModule(key);
        if (module == NULL && !PyErr_Occurred()) module = PyImport_Import(key);
        Py_DECREF(key);
        return module;
    }
    #define PyImport_ImportModule(name) fg_import(name)

    /* NumPy's C API is found anew in each module that uses what follows. */
    static inline int fg_import_numpy(void) {
        import_array1(-1);
        import_umath1(-1);
        return 0;
    }

    /* An ndarray itself, not a subclass: nothing that is done to it runs Python code. */
    #define fg_exact(x) (Py_TYPE(x) == &PyArray_Type)

    /* Whether C code may read the elements as they lie: aligned, in the machine's byte order. */
    #define fg_behaved(x) \\
        (PyArray_CHKFLAGS(FG_ARRAY(x), NPY_ARRAY_ALIGNED) && PyArray_ISNOTSWAPPED(FG_ARRAY(x)))

    /* See NOTE [Direct]. */
    static inline int fg_is_direct(PyObject *x) {
        return fg_exact(x) && (fg_type(x) == NPY_DOUBLE || fg_type(x) == NPY_FLOAT)
            && fg_behaved(x);
    }

    /* Owned by one reference and by no other array: may be overwritten by the owner of that
       reference, see NOTE [Exclusive]. */
    #define fg_exclusive(x) \\
        (Py_REFCNT(x) == 1 && fg_exact(x) \\
         && PyArray_CHKFLAGS(FG_ARRAY(x), NPY_ARRAY_OWNDATA | NPY_ARRAY_WRITEABLE))

    static inline int fg_is_double(PyObject *x) {  /* 0-d, float64 */
        return fg_exact(x) && fg_ndim(x) == 0 && fg_type(x) == NPY_DOUBLE && fg_behaved(x);
    }

    /* Whether the end of it, an array or NULL, ends nothing but numbers. */
    static inline int fg_only_numbers(PyObject *x) {
        PyObject *base;
        if (x == NULL) return 1;
        if (!fg_exact(x) || fg_type(x) >= NPY_OBJECT) return 0;
        base = PyArray_BASE(FG_ARRAY(x));
        if (base == NULL) return 1;
        return fg_exact(base) && fg_type(base) < NPY_OBJECT && PyArray_BASE(FG_ARRAY(base)) == NULL;
    }

    static inline int fg_same_shape(PyObject *x, PyObject *y) {
        return fg_ndim(x) == fg_ndim(y)
            && PyArray_CompareLists(fg_dims(x), fg_dims(y), fg_ndim(x));
    }

    static inline int fg_same_dtype(PyObject *x, PyObject *y) {
        return PyArray_ISNOTSWAPPED(FG_ARRAY(x))
            && (fg_descr(x) == fg_descr(y) || PyArray_EquivTypes(fg_descr(x), fg_descr(y)));
    }

    /* The dtype of `x` in the machine's byte order: a new reference, or NULL. */
    static inline PyArray_Descr *fg_native_descr(PyObject *x) {
        PyArray_Descr *descr = fg_descr(x);
        if (!PyArray_ISNOTSWAPPED(FG_ARRAY(x)))
            return PyArray_DescrNewByteorder(descr, NPY_NATIVE);
        Py_INCREF(descr);
        return descr;
    }

    static inline PyObject *fg_native(PyObject *x) {
        if (!PyArray_Check(x) || PyArray_ISNOTSWAPPED(FG_ARRAY(x))) { Py_INCREF(x); return x; }
        PyArray_Descr *descr = fg_native_descr(x);  /* stolen */
        if (descr == NULL) return NULL;
        return PyArray_CastToType(FG_ARRAY(x), descr, PyArray_ISFORTRAN(FG_ARRAY(x)));
    }

    static inline PyObject *fg_empty(PyObject *x, int ndim, npy_intp *dims, int fortran) {
        return PyArray_NewFromDescr(&PyArray_Type, PyArray_DescrFromType(fg_type(x)), ndim, dims,
                                    NULL, NULL, fortran ? NPY_ARRAY_F_CONTIGUOUS : 0, NULL);
    }

    static inline PyObject *fg_zeros_like(PyObject *x) {
        return PyArray_Zeros(fg_ndim(x), fg_dims(x), PyArray_DescrFromType(fg_type(x)), 0);
    }

    static inline PyObject *fg_view(PyObject *x, int ndim, npy_intp *dims, npy_intp *strides) {
        PyArray_Descr *descr = fg_descr(x);
        Py_INCREF(descr);  /* stolen */
        PyObject *y = PyArray_NewFromDescr(&PyArray_Type, descr, ndim, dims, strides, fg_data(x), 0,
                                           NULL);
        if (y == NULL) return NULL;
        Py_INCREF(x);  /* stolen */
        if (PyArray_SetBaseObject(FG_ARRAY(y), x) < 0) { Py_DECREF(y); return NULL; }
        PyArray_UpdateFlags(FG_ARRAY(y), NPY_ARRAY_UPDATE_ALL);
        return y;
    }

    /* An array of the shape and dtype of `x`, in the machine's byte order, that costs no memory:
       one zero, seen everywhere. */
    static inline PyObject *fg_stand_in(PyObject *x) {
        static union { char bytes[256]; long double aligned; } zero;
        npy_intp strides[NPY_MAXDIMS] = {0};
        PyArray_Descr *descr = fg_descr(x);
        if (PyDataType_ELSIZE(descr) > (npy_intp)sizeof(zero)) { Py_INCREF(x); return x; }
        descr = fg_native_descr(x);  /* stolen */
        if (descr == NULL) return NULL;
        return PyArray_NewFromDescr(&PyArray_Type, descr, fg_ndim(x), fg_dims(x), strides,
                                    zero.bytes, 0, NULL);
    }

    static inline int fg_is_stand_in(PyObject *x) {
        return fg_exact(x) && PyArray_BASE(FG_ARRAY(x)) == NULL
            && !PyArray_CHKFLAGS(FG_ARRAY(x), NPY_ARRAY_OWNDATA);
    }

    static inline int fg_is_double_scalar(PyObject *x) {
        return Py_TYPE(x) == &PyDoubleArrType_Type;
    }

    static inline int fg_as_number(PyObject *x, double *number) {
        if (fg_is_double_scalar(x)) *number = PyFloat_AS_DOUBLE(x);  /* laid out as a float */
        else if (fg_is_double(x)) *number = *(double *)fg_data(x);
        else return 0;
        return 1;
    }

    static inline PyObject *fg_empty_double(void) {
        return PyArray_NewFromDescr(&PyArray_Type, PyArray_DescrFromType(NPY_DOUBLE), 0, NULL, NULL,
                                    NULL, 0, NULL);
    }

    static inline PyObject *fg_take(PyObject *owned) { return owned; }

    /* The flags of the errors that NumPy reports, as it numbers them. Reading MXCSR costs 5 ns,
       fetestexcept 9, feclearexcept 68. */
    #if defined(__SSE2__) || defined(_M_X64)
    #include <xmmintrin.h>
    static inline int fg_errors(void) {
        unsigned int up = _mm_getcsr();
        if (!(up & 0x1D)) return 0;
        return (up & 0x01 ? NPY_FPE_INVALID : 0) | (up & 0x04 ? NPY_FPE_DIVIDEBYZERO : 0)
             | (up & 0x08 ? NPY_FPE_OVERFLOW : 0) | (up & 0x10 ? NPY_FPE_UNDERFLOW : 0);
    }
    static inline void fg_clear_errors(void) { _mm_setcsr(_mm_getcsr() & ~0x3Fu); }
    static inline void fg_put_up(int up) {
        _mm_setcsr(_mm_getcsr() | (up & NPY_FPE_INVALID ? 0x01u : 0)
                   | (up & NPY_FPE_DIVIDEBYZERO ? 0x04u : 0) | (up & NPY_FPE_OVERFLOW ? 0x08u : 0)
                   | (up & NPY_FPE_UNDERFLOW ? 0x10u : 0));
    }
    /* Loops that do not add and multiply alone raise flags by feraiseexcept, and glibc's raises
       overflow and underflow where the x87 keeps them: bring them to the others. */
    #if defined(__GNUC__)
    static inline void fg_gather_errors(void) {
        unsigned short up;
        __asm__ volatile("fnstsw %0" : "=a"(up));
        if (up & 0x1D) {
            __asm__ volatile("fnclex");
            _mm_setcsr(_mm_getcsr() | (up & 0x1D));
        }
    }
    #else
    static inline void fg_gather_errors(void) {}
    #endif
    #else
    static inline void fg_gather_errors(void) {}
    static inline int fg_errors(void) {
        int up = fetestexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW);
        return (up & FE_INVALID ? NPY_FPE_INVALID : 0)
             | (up & FE_DIVBYZERO ? NPY_FPE_DIVIDEBYZERO : 0)
             | (up & FE_OVERFLOW ? NPY_FPE_OVERFLOW : 0)
             | (up & FE_UNDERFLOW ? NPY_FPE_UNDERFLOW : 0);
    }
    static inline void fg_clear_errors(void) { feclearexcept(FE_ALL_EXCEPT); }
    static inline void fg_put_up(int up) {
        feraiseexcept((up & NPY_FPE_INVALID ? FE_INVALID : 0)
                      | (up & NPY_FPE_DIVIDEBYZERO ? FE_DIVBYZERO : 0)
                      | (up & NPY_FPE_OVERFLOW ? FE_OVERFLOW : 0)
                      | (up & NPY_FPE_UNDERFLOW ? FE_UNDERFLOW : 0));
    }
    #endif

    /* Returns `value`, computed: the compiler moves no arithmetic past it, so that the flags read
       next are those of this value. */
    #if defined(__GNUC__) && (defined(__SSE2__) || defined(__aarch64__))
    #ifdef __SSE2__
    #define FG_REGISTER "+x"
    #else
    #define FG_REGISTER "+w"
    #endif
    static inline double fg_settled(double value) {
        __asm__ volatile("" : FG_REGISTER(value) : : "memory");
        return value;
    }
    #else
    static inline double fg_settled(double value) { volatile double v = value; return v; }
    #endif
    """
    ctypedef Py_ssize_t intp "npy_intp"
    int import_numpy "fg_import_numpy"() except -1  # first thing in each module that cimports this

    int C_ORDER "NPY_ARRAY_C_CONTIGUOUS"
    int F_ORDER "NPY_ARRAY_F_CONTIGUOUS"
    int FLOAT "NPY_FLOAT"
    int DOUBLE "NPY_DOUBLE"
    int BOOL "NPY_BOOL"
    int LAST_INTEGER "NPY_ULONGLONG"
    int HALF "NPY_HALF"
    enum: MOST_DIMS "NPY_MAXDIMS"

    int ndim "fg_ndim"(PyObject *x) noexcept nogil
    intp *dims "fg_dims"(PyObject *x) noexcept nogil
    intp *strides "fg_strides"(PyObject *x) noexcept nogil
    char *data "fg_data"(PyObject *x) noexcept nogil
    int type_num "fg_type"(PyObject *x) noexcept nogil
    intp size "fg_size"(PyObject *x) noexcept nogil
    bint is_array "PyArray_Check"(PyObject *x) noexcept nogil
    bint is_exact "fg_exact"(PyObject *x) noexcept nogil
    bint is_direct "fg_is_direct"(PyObject *x) noexcept nogil  # see NOTE [Direct]
    bint is_exclusive "fg_exclusive"(PyObject *x) noexcept nogil
    bint is_double "fg_is_double"(PyObject *x) noexcept nogil
    bint only_numbers "fg_only_numbers"(PyObject *x) noexcept nogil  # or NULL
    bint same_shape "fg_same_shape"(PyObject *x, PyObject *y) noexcept
    bint same_dtype "fg_same_dtype"(PyObject *x, PyObject *y) noexcept  # both in native order
    int flags "fg_flags"(PyObject *x) noexcept nogil
    PyObject *new_empty "fg_empty"(PyObject *x, int ndim, intp *dims, bint fortran) except NULL
    intp nbytes "fg_nbytes"(PyObject *x) noexcept nogil
    bint is_double_scalar "fg_is_double_scalar"(PyObject *x) noexcept nogil  # np.float64
    bint as_number "fg_as_number"(PyObject *x, double *number) noexcept  # of either of these
    object read_only_view "fg_view"(PyObject *x, int ndim, intp *dims, intp *strides)
    PyObject *zeros_like "fg_zeros_like"(PyObject *x) except NULL  # owned, in C order
    # `x`, or where its byte order is not the machine's a copy that is. Not an array: itself. Owned.
    PyObject *native "fg_native"(PyObject *x) except NULL
    PyObject *stand_in "fg_stand_in"(PyObject *x) except NULL  # owned, native
    bint is_stand_in "fg_is_stand_in"(PyObject *x) noexcept
    PyObject *empty_double "fg_empty_double"() except NULL  # owned, 0-d

    object take_object "fg_take"(PyObject *owned)  # the reference, from C's hands into Cython's

    int errors "fg_errors"() noexcept nogil
    void clear_errors "fg_clear_errors"() noexcept nogil
    void put_up "fg_put_up"(int errors) noexcept nogil
    void gather_errors "fg_gather_errors"() noexcept nogil
    double settled "fg_settled"(double value) noexcept nogil
    # Warns, raises or ignores as np.errstate says, naming the ufunc. Runs Python code.
    int report "PyUFunc_GiveFloatingpointErrors"(const char *ufunc, int errors) except -1


cdef enum:  # the loops; of which ufunc, the table in loops.pyx says
    NO_LOOP
    ADD, SUBTRACT, MULTIPLY, DIVIDE, NEGATIVE, ABSOLUTE, SIGN, SQRT, MAXIMUM, MINIMUM, MATMUL
    POWER, EXP, LOG, TANH, SIN, COS
    N_LOOPS


cdef struct Operand:
    PyObject *array  # borrowed; NULL: the number, as a constant that changes no dtype
    double number

cdef inline Operand array(PyObject *x) noexcept:
    return Operand(x, 0)

cdef inline Operand number(double x) noexcept:
    return Operand(NULL, x)


cdef enum:  # elements, below which a loop is not split over threads: to tell them takes 2-5 us
    SMALL = 1 << 15
    SMALL_BUT_SLOW = 1 << 13  # to compute: exponentials and their kin

# Part of a loop; returns the error flags that it put up, as NumPy numbers them.
ctypedef int (*Part)(void *context, intp start, intp n) noexcept nogil

# Does all 0 <= i < n in parts of `grain`, a multiple of 1024, but for the last; the flags of all.
# Whoever calls it holds references to all arrays that the loop reads, and is prepared for other
# threads of the program to run: the Global Interpreter Lock may be released meanwhile.
ctypedef int (*Split)(Part part, void *context, intp n, intp grain) noexcept

cdef void split_by(Split given) noexcept  # from now on; NULL, as it is at first: no loop is split

# Whether a loop over it may be split.
cdef inline bint is_large(PyObject *x) noexcept:
    return nbytes(x) >= 4 * SMALL_BUT_SLOW

cdef struct Matrix:  # which way it lies in memory is for the steps, in bytes, to say
    char *data
    intp n_rows, n_columns, row_step, column_step

cdef extern from *:
    ctypedef void (*Function "PyUFuncGenericFunction")(
        char **args, const intp *n, const intp *steps, void *data) noexcept nogil

cdef struct InnerLoop:
    Function function
    void *data

cdef struct Loop:
    InnerLoop of[2]  # float32, float64
    const char *name
    bint slow  # to compute; it may raise flags by hand, see fg_gather_errors

cdef Loop loops[N_LOOPS]

cdef inline void run(int loop, bint double, char **args, intp n, intp *steps) noexcept:
    loops[loop].of[double].function(args, &n, steps, loops[loop].of[double].data)
    if loops[loop].slow:
        gather_errors()

# NOTE [Direct]
# `is_direct` alone decides whether C code may read or write the numbers of an array: an ndarray
# itself, of float32 or float64 (which `type_num` says of both byte orders), in the machine's byte
# order, aligned. `plain` is that, and contiguous; `is_double` is that, and a float64 without axes.
# Whoever takes `data(x)` asked one of them first, or made `x` by `empty`, `zeros_like` or
# `from_double` (but for masks: bytes have no order); everything else is NumPy's to do.
# What a graph saves for backward, values and stand-ins, is always in the machine's byte order, and
# so are gradients: `native`, `stand_in` and `brought` see to it.

# NOTE [Exclusive]
# Whoever asks whether a count of references is 1 (`is_exclusive`; `drop` in spares.pyx;
# `detached` in graph.pyx) owns one of those counted: a gradient in flight its array, a Variable
# its creator. Then 1 says that nobody else has any. From Python 3.14 on an interpreter's stack
# may hold references that are not counted, "borrowed" from a local variable of the same frame;
# but that variable's own is counted, and lives for as long as what was borrowed from it: such an
# object has 2, the variable's and the asker's. What only an argument or an element of a borrowed
# sequence leads to must not be asked about, for there 1 may be the variable's;
# `PyUnstable_Object_IsUniqueReferencedTemporary` would be for that, and says False of all that
# the engine owns.

# Of the dtype alone: in either byte order, maybe not aligned.
cdef inline bint is_float_or_double(PyObject *x) noexcept:
    return type_num(x) == DOUBLE or type_num(x) == FLOAT

cdef inline bint holds_integers(PyObject *x) noexcept:
    """Whether it is an array of integers or booleans."""
    return type_num(x) <= LAST_INTEGER

# Direct, and contiguous. Its order, or 0.
cdef inline int plain(PyObject *x) noexcept:
    return flags(x) & (C_ORDER | F_ORDER) if is_direct(x) else 0

cdef PyObject *from_double(double value) except NULL  # owned, 0-d

# A new, direct array of these dimensions; float32 or float64 as `x` is, whose numbers are not read;
# owned.
cdef PyObject *empty(PyObject *x, int ndim, intp *dims) except NULL

# y = x0 @ x1, rows and columns one after the other; nothing is empty. Flags stay up.
cdef void multiply(bint double, Matrix *x0, Matrix *x1, char *y) noexcept

# Both compute into y[0] if it is not NULL (an array as the result will be), else into a new array
# that the caller owns. They return False, and do nothing, if these operands have no direct loop.
# The error flags of the computation are left up.
cdef bint apply1(int loop, PyObject *x, PyObject **y) except -1
cdef bint apply2(int loop, Operand x0, Operand x1, PyObject **y) except -1

cdef double apply_number(int loop, double x) noexcept
cdef double apply_numbers(int loop, double x0, double x1) noexcept

# g += x0 * x1 without a temporary array; x0 is an array like g. The flags met go to the pointers.
cdef bint add_blocks(PyObject *g, Operand x0, Operand x1, int *in_product, int *in_sum) noexcept
