# cython: binding=False
"""What runs a schedule: its instructions, one after the other, without Python between them.

Every value has a slot: a pointer to its elements. Numbers without axes of float64 lie in `cells`,
others in buffers that are laid out once, in arguments, or in new arrays that become results. An
instruction reads and writes slots, by NumPy's own inner loops, which have the same bits for any
part of an array; what has no instruction runs in Python, see lowering.py, which makes all this.
"""

cimport cython

import numpy as np

from cpython.object cimport PyObject
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from fastgrad._kernels.loops cimport (
    ABSOLUTE, ADD, COS, DIVIDE, EXP, LOG, MAXIMUM, MINIMUM, MULTIPLY, Matrix, NEGATIVE, POWER, SIGN,
    SIN, SQRT, SUBTRACT, TANH, clear_errors, data, errors, import_numpy, intp, is_double,
    multiply, put_up, run as run_loop,
)
from libc.math cimport fabs, sqrt

from fastgrad.replay._loops cimport choose_all, compare_all, run_few

import_numpy()

KINDS = {
    "scalars": SCALARS, "loop": LOOP, "strided": STRIDED, "group": GROUP, "zero": ZERO,
    "copy": COPY, "sum": SUM, "sum_rows": SUM_ROWS,
    "sum_last": SUM_LAST, "few": FEW, "product": PRODUCT, "compare": COMPARE,
    "choose": CHOOSE, "view": VIEW, "python": PYTHON,
}  # fmt: skip

LOOPS = {
    "add": ADD, "sub": SUBTRACT, "mul": MULTIPLY, "div": DIVIDE, "neg": NEGATIVE, "abs": ABSOLUTE,
    "sign": SIGN, "sqrt": SQRT, "maximum": MAXIMUM, "minimum": MINIMUM, "pow": POWER, "exp": EXP,
    "log": LOG, "tanh": TANH, "sin": SIN, "cos": COS,
}  # fmt: skip

FEW_LOOPS = {ADD: 0, SUBTRACT: 1, MULTIPLY: 2, DIVIDE: 3}  # see fg_few

# --- of numbers ---

SCALAR_OPS = {
    "add": S_ADD, "sub": S_SUB, "mul": S_MUL, "div": S_DIV, "neg": S_NEG, "sqrt": S_SQRT,
    "abs": S_ABS, "copy": S_COPY,
}  # fmt: skip
BINARY, UNARY = S_BINARY, S_UNARY

cdef void run_scalars(const Scalar *p, const Scalar *end, double *c) noexcept:
    while p < end:
        if p.op == S_ADD:
            c[p.y] = c[p.a] + c[p.b]
        elif p.op == S_SUB:
            c[p.y] = c[p.a] - c[p.b]
        elif p.op == S_MUL:
            c[p.y] = c[p.a] * c[p.b]
        elif p.op == S_DIV:
            c[p.y] = c[p.a] / c[p.b]
        elif p.op == S_NEG:
            c[p.y] = -c[p.a]
        elif p.op == S_SQRT:
            c[p.y] = sqrt(c[p.a])
        elif p.op == S_ABS:
            c[p.y] = fabs(c[p.a])
        elif p.op == S_COPY:
            c[p.y] = c[p.a]
        else:
            run_scalar_loop(p, c)
        p += 1


cdef inline void run_scalar_loop(const Scalar *p, double *c) noexcept:
    cdef char *args[3]
    cdef intp steps[3]
    steps[0] = steps[1] = steps[2] = 8
    args[0] = <char *>&c[p.a]
    if p.op >= S_UNARY:
        args[1] = <char *>&c[p.y]
        run_loop(p.op - S_UNARY, True, args, 1, steps)
    else:
        args[1], args[2] = <char *>&c[p.b], <char *>&c[p.y]
        run_loop(p.op - S_BINARY, True, args, 1, steps)


# --- of arrays ---

cdef void run_strided(Step *s, char **args) noexcept:
    """A loop for each index of the outer axes."""
    cdef intp at[MOST_DIMS]
    cdef int d, k
    for d in range(s.n_dims):
        at[d] = 0
    while True:
        run_loop(s.loop, s.double, args, s.n, s.steps)
        d = s.n_dims - 1
        while d >= 0:
            at[d] += 1
            for k in range(s.n_slots):
                args[k] += s.outer[k][d]
            if at[d] < s.shape[d]:
                break
            for k in range(s.n_slots):
                args[k] -= s.outer[k][d] * s.shape[d]
            at[d] = 0
            d -= 1
        if d < 0:
            return


cdef void run_sum_rows(Step *s, char *x, char *y) noexcept:
    """The sum over leading axes, row by row: see sum_leading in _kernels/sums.pyx."""
    cdef char *args[3]
    cdef intp steps[3]
    cdef intp i, size = s.n * s.steps[0]
    steps[0] = steps[1] = steps[2] = s.steps[0]
    memcpy(y, x, size)
    for i in range(1, s.first):
        args[0] = args[2] = y
        args[1] = x + i * size
        run_loop(ADD, s.double, args, s.n, steps)


cdef void run_sum_last(Step *s, char *x, char *y) noexcept:
    """The sum of each row."""
    cdef char *args[3]
    cdef intp steps[3]
    cdef intp i, item = 8 if s.double else 4
    steps[0] = steps[2] = 0
    steps[1] = item
    for i in range(s.first):
        args[0] = args[2] = y + i * item
        args[1] = x + i * s.n * item
        if s.double:
            (<double *>args[0])[0] = nothing
        else:
            (<float *>args[0])[0] = <float>nothing
        run_loop(ADD, s.double, args, s.n, steps)


cdef double nothing = np.add.reduce(np.array([-0.0]))  # what np.sum begins with


@cython.final
cdef class Schedule:
    """Instructions, and the memory that they work in."""

    def __cinit__(self, Py_ssize_t n_slots, list steps not None, list scalars not None,
                  list calls not None):
        cdef Py_ssize_t i
        if not 0 <= n_slots < 1 << 32:
            raise ValueError(f"Schedule: {n_slots} slots")
        self.n_slots, self.n_steps, self.calls = n_slots, len(steps), calls
        self.steps = <Step *>calloc(len(steps) + 1, sizeof(Step))
        self.scalars = <Scalar *>calloc(len(scalars) + 1, sizeof(Scalar))
        self.at = <char **>calloc(n_slots + 1, sizeof(char *))
        self.is_cell = <char *>calloc(n_slots + 1, 1)
        if not self.steps or not self.scalars or not self.at or not self.is_cell:
            raise MemoryError
        self.cell_memory = np.zeros(n_slots + 1)
        self.cells = <double *>data(<PyObject *>self.cell_memory)
        self.arrays = [None] * n_slots
        self.kept = []
        for i in range(len(scalars)):
            self.scalars[i].op, self.scalars[i].a, self.scalars[i].b, self.scalars[i].y = scalars[i]
        for i in range(len(steps)):
            self.put_step(&self.steps[i], steps[i])
        self.in_python = len(calls) > 0

    def __dealloc__(self):
        free(self.steps)
        free(self.scalars)
        free(self.at)
        free(self.is_cell)

    cdef int put_step(self, Step *s, dict given) except -1:
        cdef int i, d
        s.kind = KINDS[given["kind"]]
        s.loop = given.get("loop", 0)
        s.double = given.get("double", True)
        s.n, s.first, s.last = given.get("n", 0), given.get("first", 0), given.get("last", 0)
        s.offset = given.get("offset", 0)
        slots = given.get("slots", ())
        s.n_slots = len(slots)
        shape = given.get("shape", ())
        s.n_dims = len(shape)
        for d in range(s.n_dims):
            s.shape[d] = shape[d]
        for i in range(s.n_slots):
            s.slots[i] = slots[i]
            s.steps[i] = given["steps"][i] if "steps" in given else 0
            s.advance[i] = given["advance"][i] if "advance" in given else 0
            for d in range(s.n_dims):
                s.outer[i][d] = given["outer"][i][d]
        return 0

    cdef int check(self, Py_ssize_t slot) except -1:
        if not 0 <= slot < self.n_slots:
            raise IndexError(f"Schedule: slot {slot} of {self.n_slots}")
        return 0

    def put_cell(self, Py_ssize_t slot, double value=0.0):
        """Let the value of a slot lie among the cells."""
        self.check(slot)
        self.is_cell[slot] = True
        self.cells[slot] = value
        self.at[slot] = <char *>&self.cells[slot]
        self.arrays[slot] = self.cell_memory[slot : slot + 1].reshape(())

    cpdef bint put_array(self, Py_ssize_t slot, object array) except -1:
        """Let a slot have the memory of an array, for good or for this run."""
        self.check(slot)
        if not isinstance(array, np.ndarray):
            raise TypeError(f"Schedule: slot {slot} got a {type(array).__name__}, no array")
        if self.is_cell[slot]:
            if not is_double(<PyObject *>array):
                return False
            self.cells[slot] = (<double *>data(<PyObject *>array))[0]
            return True
        self.arrays[slot] = array
        self.at[slot] = data(<PyObject *>array)
        return True

    def put_memory(self, Py_ssize_t slot, array, Py_ssize_t offset):
        """Let a slot be somewhere in the memory of an array, that is kept."""
        self.check(slot)
        if not isinstance(array, np.ndarray):
            raise TypeError(f"Schedule: slot {slot} got a {type(array).__name__}, no array")
        self.kept.append(array)
        self.at[slot] = data(<PyObject *>array) + offset

    def put_view(self, Py_ssize_t slot, Py_ssize_t base, Py_ssize_t offset):
        """Let a slot be a part of another, which is where it is in this run."""
        self.check(slot)
        self.check(base)
        self.at[slot] = self.at[base] + offset

    def begin(self):
        """Take the memory for a run; False if another has it."""
        if self.busy:
            return False
        self.busy = True
        return True

    def end(self):
        """Let others take it."""
        self.busy = False

    cpdef int run(self) except -1:
        """All instructions; the flags of floating-point errors that are up then."""
        cdef int up = 0
        clear_errors()
        self.run_steps(0, self.n_steps, &up)
        up |= errors()
        clear_errors()
        return up

    cdef int run_steps(self, Py_ssize_t first, Py_ssize_t last, int *up) except -1:
        cdef Py_ssize_t i = first
        cdef Step *s
        while i < last:
            s = &self.steps[i]
            if s.kind == SCALARS:
                run_scalars(self.scalars + s.first, self.scalars + s.last, self.cells)
            elif s.kind == PYTHON:
                up[0] |= errors()
                clear_errors()
                self.calls[s.first](self.arrays)
                clear_errors()
            elif s.kind == GROUP:
                self.run_group(s, &self.steps[i + 1], s.first)
                i += s.first
            else:
                self.run_step(s)
            i += 1
        return 0

    cdef void run_step(self, Step *s) noexcept:
        cdef char *args[4]
        cdef char *sums[3]
        cdef int i, before
        cdef Matrix x0, x1
        cdef intp steps[3]
        cdef double total
        cdef float single
        for i in range(s.n_slots):
            args[i] = self.at[s.slots[i]]
        if s.kind == LOOP:
            run_loop(s.loop, s.double, args, s.n, s.steps)
        elif s.kind == FEW:
            run_few(s.loop, <double *>args[0], s.steps[0], <double *>args[1], s.steps[1],
                    <double *>args[2], s.n)
        elif s.kind == STRIDED:
            run_strided(s, args)
        elif s.kind == ZERO:
            memset(args[0], 0, s.n)
        elif s.kind == COPY:
            memcpy(args[1], args[0], s.n)
        elif s.kind == SUM:
            total, single = nothing, nothing
            sums[0] = sums[2] = <char *>&total if s.double else <char *>&single
            sums[1] = args[0]
            steps[0] = steps[2] = 0
            steps[1] = 8 if s.double else 4
            run_loop(ADD, s.double, sums, s.n, steps)
            if s.double:
                (<double *>args[1])[0] = total if s.first == 0 else total / s.first
            else:
                (<float *>args[1])[0] = single if s.first == 0 else single / <float>s.first
        elif s.kind == SUM_ROWS:
            run_sum_rows(s, args[0], args[1])
        elif s.kind == SUM_LAST:
            run_sum_last(s, args[0], args[1])
        elif s.kind == PRODUCT:
            x0 = Matrix(args[0], s.outer[0][0], s.outer[0][1], s.outer[0][2], s.outer[0][3])
            x1 = Matrix(args[1], s.outer[1][0], s.outer[1][1], s.outer[1][2], s.outer[1][3])
            multiply(s.double, &x0, &x1, args[2])
        elif s.kind == COMPARE:
            before = errors()
            if s.double:
                compare_all[double](s.loop, <double *>args[0], s.steps[0] >> 3, <double *>args[1],
                                    s.steps[1] >> 3, args[2], s.n)
            else:
                compare_all[float](s.loop, <float *>args[0], s.steps[0] >> 2, <float *>args[1],
                                   s.steps[1] >> 2, args[2], s.n)
            if errors() != before:  # those of a comparison with NaN, which NumPy does not report
                clear_errors()
                put_up(before)
        elif s.kind == CHOOSE:
            if s.double:
                choose_all[double](args[0], s.steps[0], <double *>args[1], s.steps[1] >> 3,
                                   <double *>args[2], s.steps[2] >> 3, <double *>args[3], s.n)
            else:
                choose_all[float](args[0], s.steps[0], <float *>args[1], s.steps[1] >> 2,
                                  <float *>args[2], s.steps[2] >> 2, <float *>args[3], s.n)
        elif s.kind == VIEW:
            self.at[s.slots[1]] = args[0] + s.offset

    cdef void run_group(self, Step *group, Step *steps, Py_ssize_t n_steps) noexcept:
        """Loops over arrays of one size, block by block."""
        cdef intp start = 0, n
        cdef int k
        cdef Py_ssize_t i
        cdef char *args[4]
        cdef Step *s
        while start < group.n:
            n = min(group.n - start, group.last)
            for i in range(n_steps):
                s = &steps[i]
                for k in range(s.n_slots):
                    args[k] = self.at[s.slots[k]] + start * s.advance[k]
                run_loop(s.loop, s.double, args, n, s.steps)
            start += group.last
