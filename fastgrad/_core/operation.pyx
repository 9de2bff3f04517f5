"""See operation.pxd."""

import numpy as np

from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF

from fastgrad._core.arguments cimport any_variable, is_foreign, operand_of, without_lists
from fastgrad._core.collector cimport has_references
from fastgrad._core.graph cimport fill, is_scalar, value_of, variable
from fastgrad._kernels.casts cimport converted
from fastgrad._kernels.loops cimport (
    DOUBLE, NO_LOOP, Operand, apply1, apply2, apply_number, apply_numbers, clear_errors, data,
    errors, from_double, import_numpy, is_array, is_double, is_double_scalar, is_exact,
    is_float_or_double, is_large, native, same_dtype, same_shape, settled, stand_in, take_object,
    type_num,
)
from fastgrad._core.node cimport (
    ALIKE, Edge, HOLDS_NUMBER, Handle, IN_PYTHON, REQUIRES_GRAD, SAVED, SAVED_NUMBER, STAND_IN,
    WEAK, Y, new_node,
)
from fastgrad._core.precision cimport as_read, widened
from fastgrad._kernels.spares cimport drop
from fastgrad._core.record cimport Record, begin, finish, is_recorded, take_operand
from fastgrad._core.watch cimport watched, watcher
from fastgrad._core.classes cimport class_from, new_result

import_numpy()

# --- the arguments ---


cdef int read(PyObject *x, Argument *a) except -1:
    cdef PyObject *value = x
    a.x = x
    a.requires_grad = False
    a.value.array = NULL
    if isinstance(<object>x, Handle):
        a.requires_grad = (<Handle>x).flags & REQUIRES_GRAD
        value = (<Handle>x).array
        if value == NULL:
            a.value.number = (<Handle>x).number
            a.kind = STRONG_NUMBER if (<Handle>x).flags & HOLDS_NUMBER else OTHER
            return 0
    elif PyFloat_CheckExact(<object>x):
        a.value.number = PyFloat_AS_DOUBLE(<object>x)
        a.kind = WEAK_NUMBER
        return 0
    elif is_double_scalar(x):
        a.value.number = PyFloat_AS_DOUBLE(<object>x)  # np.float64 is laid out as a float
        a.kind = STRONG_NUMBER
        return 0
    elif PyLong_CheckExact(<object>x) and is_small(<object>x, &a.value.number):
        a.kind = WEAK_NUMBER
        return 0
    elif not is_array(x):
        a.kind = OTHER if is_scalar(<object>x) else UNKNOWN
        a.value.array = x
        return 0
    if is_double(value):
        a.value.number = (<double *>data(value))[0]
        a.kind = STRONG_NUMBER
    else:
        a.value.array = value
        a.kind = EXACT_ARRAY if is_exact(value) else OTHER
    return 0


cdef inline bint is_small(object x, double *number) except -1:
    """Whether the int `x` is a double exactly."""
    cdef int overflow
    cdef long long value = PyLong_AsLongLongAndOverflow(x, &overflow)
    number[0] = <double>value
    return not overflow and -(1LL << 53) <= value <= 1LL << 53


# --- the result ---


cdef object apply(const Rule *rule, object x0, object x1):
    if watched:
        return apply_told(rule, x0, x1)
    cdef Argument a[2]
    cdef Handle y = new_result(x0, x1)
    read(<PyObject *>x0, &a[0])
    if rule.n_inputs > 1:
        read(<PyObject *>x1, &a[1])
    else:
        a[1] = a[0]
    if a[0].kind == UNKNOWN or a[1].kind == UNKNOWN:
        is_foreign(x0)  # for its error
        is_foreign(x1)
        return apply_to_lists(rule, x0, x1)
    # What NumPy calls, and the garbage collector, may give the Variables other arrays meanwhile.
    cdef object _held0 = None if a[0].value.array == NULL else <object>a[0].value.array
    cdef object _held1 = None if a[1].value.array == NULL else <object>a[1].value.array
    if not apply_directly(rule, a, y):
        apply_by_numpy(rule, a, y)
    if is_recorded(y, a[0].requires_grad or a[1].requires_grad):
        record(rule, a, y, NULL)
    return y


cdef object apply_told(const Rule *rule, object x0, object x1):
    """The same, of which whoever watches is told."""
    cdef Argument a[2]
    cdef Handle y = new_result(x0, x1)
    read(<PyObject *>x0, &a[0])
    read(<PyObject *>(x1 if rule.n_inputs > 1 else x0), &a[1])
    if a[0].kind == UNKNOWN or a[1].kind == UNKNOWN:
        is_foreign(x0)  # for its error
        is_foreign(x1)
        return apply_to_lists(rule, x0, x1)
    keep_whole(&a[0])
    keep_whole(&a[1])
    # What NumPy calls, and the garbage collector, may give the Variables other arrays meanwhile.
    cdef object _held0 = None if a[0].value.array == NULL else <object>a[0].value.array
    cdef object _held1 = None if a[1].value.array == NULL else <object>a[1].value.array
    if not apply_directly(rule, a, y):
        apply_by_numpy(rule, a, y)
    if is_recorded(y, a[0].requires_grad or a[1].requires_grad):
        record(rule, a, y, NULL)
    watcher().operation(<object>rule.type, x0, x1 if rule.n_inputs > 1 else None, y)
    return y


cdef int keep_whole(Argument *a) except -1:
    """Let a constant without axes be saved as the array that it is, not as a number."""
    if a.kind == STRONG_NUMBER and not a.requires_grad and not is_double_scalar(a.x):
        if isinstance(<object>a.x, Handle):
            value_of(<Handle>a.x)
        a.value.array = (<Handle>a.x).array if isinstance(<object>a.x, Handle) else a.x
        a.kind = OTHER
    return 0


cdef object apply_to_lists(const Rule *rule, object x0, object x1):
    """Of lists and tuples, which are read as NumPy reads them; NotImplemented for all else."""
    if not any_variable((x0, x1)):
        return NotImplemented
    cdef bint found = False
    if isinstance(x0, (list, tuple)):
        x0, found = operand_of(x0), True
    if rule.n_inputs > 1 and isinstance(x1, (list, tuple)):
        x1, found = operand_of(x1), True
    return apply(rule, x0, x1) if found else NotImplemented


cdef inline bint apply_directly(const Rule *rule, const Argument *a, Handle y) except -1:
    cdef bint numbers = a[0].kind <= STRONG_NUMBER and a[1].kind <= STRONG_NUMBER
    cdef bint done = False
    if rule.weak_x1 and a[1].kind != WEAK_NUMBER:
        return False
    if numbers:
        if a[0].kind + a[1].kind != 2 * WEAK_NUMBER:
            done = numbers_directly(rule, a[0].value.number, a[1].value.number, &y.number)
            y.flags = HOLDS_NUMBER
    elif suits(&a[0], &a[1]) and suits(&a[1], &a[0]):
        done = (arrays_directly(rule, a[0].value, a[1].value, &y.array)
                or is_mixed(a) and mixed_directly(rule, a[0].value, a[1].value, &y.array))
    if done and errors():
        # NumPy does it again, and reports them as its own (they may be older than this operation).
        clear_errors()
        Py_XDECREF(y.array)
        y.array = NULL
        return False
    return done


cdef inline bint numbers_directly(const Rule *rule, double x0, double x1, double *y) noexcept:
    if rule.for_numbers != NULL:
        return rule.for_numbers(x0, x1, y)
    if rule.loop != NO_LOOP:
        y[0] = settled(apply_number(rule.loop, x0) if rule.n_inputs == 1
                       else apply_numbers(rule.loop, x0, x1))
    return rule.loop != NO_LOOP


cdef inline bint arrays_directly(const Rule *rule, Operand x0, Operand x1, PyObject **y) except -1:
    if rule.for_arrays != NULL:
        return rule.for_arrays(x0, x1, y)
    if rule.loop == NO_LOOP:
        return False
    return apply1(rule.loop, x0.array, y) if rule.n_inputs == 1 else apply2(rule.loop, x0, x1, y)


cdef inline bint is_mixed(const Argument *a) noexcept:
    """Whether one is of float32, and the other of float64."""
    return (a[0].kind == EXACT_ARRAY and a[1].kind == EXACT_ARRAY
            and type_num(a[0].value.array) != type_num(a[1].value.array)
            and is_float_or_double(a[0].value.array) and is_float_or_double(a[1].value.array))


cdef bint mixed_directly(const Rule *rule, Operand x0, Operand x1, PyObject **y) except -1:
    """That of float32 is converted first, as NumPy does it."""
    cdef PyObject *made
    cdef bint done
    if is_large(x0.array) or is_large(x1.array):
        return False
    if type_num(x0.array) == DOUBLE:
        made = x1.array = converted(x1.array, x0.array)
    else:
        made = x0.array = converted(x0.array, x1.array)
    if made == NULL:
        return False
    try:
        done = arrays_directly(rule, x0, x1, y)
    finally:
        drop(made)
    return done


cdef bint suits(const Argument *a, const Argument *other) noexcept:
    """A 0-d float64 makes the result one of float64, as a number in a direct loop would not."""
    if a.kind == STRONG_NUMBER:
        return other.kind == EXACT_ARRAY and type_num(other.value.array) == DOUBLE
    return a.kind != OTHER


cdef int apply_by_numpy(const Rule *rule, const Argument *a, Handle y) except -1:
    cdef object x0 = operand(rule, a, 0)
    cdef object x1 = operand(rule, a, 1) if rule.n_inputs > 1 else None
    if isinstance(x0, np.matrix) or isinstance(x1, np.matrix):
        raise TypeError(f"{rule.name.decode()}: an operand is a matrix, whose rules are not an "
                        "ndarray's; use np.asarray")
    if not is_array(<PyObject *>x0) and not isinstance(x0, np.generic):
        if not is_array(<PyObject *>x1) and not isinstance(x1, np.generic):
            x0 = np.array(x0)  # the operators of Python's numbers are others than NumPy's
    y.flags = 0
    return fill(y, call_forward(rule, x0, x1))


cdef object call_forward(const Rule *rule, object x0, object x1):
    if rule.forward != NULL:
        return rule.forward(x0, x1)
    function = <object>rule.row_forward
    return function(x0) if rule.n_inputs == 1 else function(x0, x1)


cdef object operand(const Rule *rule, const Argument *a, int i):
    if a[i].value.array != NULL:
        return <object>a[i].value.array
    x = <object>a[i].x
    if not isinstance(x, Handle):
        return x
    x = value_of(x)
    if x is None:
        raise TypeError(f"{rule.name.decode()}: operand {i} is a Variable without data (None)")
    return x


# --- the record ---


cdef int record(const Rule *rule, Argument *a, Handle y, PyObject *parameter) except -1:
    cdef Node f = new_node(rule)
    cdef Record r
    cdef int i, used = 0, n = rule.n_inputs
    begin(&r)
    for i in range(n):
        if a[i].requires_grad:
            used |= rule.uses[i]
    for i in range(n):
        f.n_edges = i + 1
        if a[i].requires_grad:
            take_operand(&r, &f.edges[i], <Handle>a[i].x, a[i].value.array)
        save(&f.edges[i], &a[i], used >> i & 1, y)
        if f.edges[i].flags & SAVED and not is_exact(f.edges[i].saved.array):
            r.tracked |= has_references(f.edges[i].saved.array)
    if used & Y:
        save_output(&f.edges[1], y)
        f.n_edges = 2
    if parameter != NULL:
        Py_INCREF(<object>parameter)
        f.kept = parameter
    return finish(&r, f, y)


cdef inline void save_output(Edge *edge, Handle y) noexcept:
    if y.array == NULL:
        edge.saved.number = y.number
        edge.flags = SAVED_NUMBER
    else:
        Py_INCREF(<object>y.array)
        edge.saved.array = y.array
        edge.flags = SAVED


cdef object apply_with(const Rule *rule, Handle x, object parameter):
    cdef object value = value_of(x)
    if value is None:
        raise TypeError(f"{rule.name.decode()}: operand 0 is a Variable without data (None)")
    cdef Handle y = variable(rule.forward(value, parameter), False, class_from(x))
    if is_recorded(y, x.flags & REQUIRES_GRAD):
        record_with(rule, x, value, parameter, y)
    if watched:
        watcher().operation_with(<object>rule.type, x, parameter, y)
    return y


cdef int record_with(const Rule *rule, Handle x, object value, object parameter,
                     Handle y) except -1:
    cdef Node f = new_node(rule)
    cdef Record r
    begin(&r)
    f.n_edges = 1
    take_operand(&r, &f.edges[0], x, <PyObject *>value)
    f.edges[0].saved.array = stand_in(<PyObject *>value)
    f.edges[0].flags = STAND_IN
    parameter = without_lists(parameter)
    Py_INCREF(parameter)
    f.kept = <PyObject *>parameter
    r.tracked |= not is_exact(<PyObject *>value)
    return finish(&r, f, y)


cdef object parameter_of(Node f):
    return None if f.kept == NULL or f.flags & IN_PYTHON else <object>f.kept


cdef inline int save(Edge *edge, const Argument *a, bint used, Handle y) except -1:
    """Save what backward will ask for: the value, or else the shape and the dtype."""
    cdef PyObject *value = a.value.array
    if a.kind == WEAK_NUMBER and y.array != NULL and not is_float_or_double(y.array):
        value = a.x  # an int must stay one, among integers or fractions
    elif a.kind <= STRONG_NUMBER:
        edge.saved.number = a.value.number
        edge.flags = SAVED_NUMBER
        if a.kind == WEAK_NUMBER:
            edge.flags |= WEAK
        elif y.flags & HOLDS_NUMBER:
            edge.flags |= ALIKE
        return 0
    if y.array != NULL and is_array(value) and same_shape(value, y.array):
        if same_dtype(value, y.array):
            edge.flags = ALIKE
    if used:
        edge.saved.array = native(value)
        edge.flags |= SAVED
    elif a.requires_grad and not edge.flags & ALIKE:
        edge.saved.array = stand_in(value)
        edge.flags |= STAND_IN
    return 0


cdef bint saved_operand(Node f, int i, Operand *x) noexcept:
    cdef Edge *edge = &f.edges[i]
    x.array, x.number = NULL, 0
    if edge.flags & SAVED_NUMBER:
        x.number = edge.saved.number
        return i == 0 or not f.rule.weak_x1 or edge.flags & WEAK
    if edge.flags & SAVED:
        x.array = edge.saved.array
        return is_exact(x.array)
    return True  # not saved, for it is not read


cdef object saved_value(Node f, int i, object gy):
    cdef Edge *edge = &f.edges[i]
    if edge.flags & WEAK:
        return edge.saved.number
    if edge.flags & SAVED_NUMBER:
        return take_object(from_double(edge.saved.number))
    if edge.flags & (SAVED | STAND_IN):
        return <object>edge.saved.array
    return gy if edge.flags & ALIKE else None


cdef object gradient_of(Node f, int i, object gy):
    cdef const Rule *rule = f.rule
    gy = widened(gy)
    if rule.passes >> i & 1:
        return gy  # as the row says too, and takes longer to
    x0 = saved_value(f, 0, gy)
    if rule.add_whole != NULL:
        return call_vjp(rule, rule.row_vjps, i, np, gy, gy, x0, gy, parameter_of(f))
    x0 = as_read(x0, gy)
    x1 = as_read(saved_value(f, 1, gy), gy) if f.n_edges > 1 else None
    y = gy if rule.n_inputs == 2 or x1 is None else x1
    return call_vjp(rule, rule.row_vjps, i, np, gy, y, x0, x1, None)


cdef object call_vjp(const Rule *rule, PyObject *vjps, int i, object xp, object gy, object y,
                     object x0, object x1, object parameter):
    vjp = (<tuple>vjps)[i]
    if rule.arguments != NULL:
        return vjp(xp, gy, y, *rule.arguments(x0, x1, parameter))
    if rule.add_whole != NULL:
        return vjp(xp, gy, y, x0, parameter)
    return vjp(xp, gy, y, x0) if rule.n_inputs == 1 else vjp(xp, gy, y, x0, x1)


cdef object saved_like(Node f, int i, object gy):
    cdef Edge *edge = &f.edges[i]
    if edge.flags & SAVED_NUMBER:
        return None
    return <object>edge.saved.array if edge.flags & (SAVED | STAND_IN) else gy
