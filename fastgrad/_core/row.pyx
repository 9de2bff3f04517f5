# cython: binding=False, nonecheck=True
# (So that a method called on the class checks the type of its `self`, None included; and what a
# program may have put in a place of ours gets an exception.)
"""See row.pxd."""

cimport cython
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF

import inspect
import sys
from importlib import import_module
from types import MethodType

import numpy as np

from fastgrad._core.accumulate cimport zero_gradient
from fastgrad._core.config cimport recording
from fastgrad._core.collector cimport has_references, untrack
from fastgrad._core.fit cimport fit
from fastgrad._core.function cimport Function
from fastgrad._core.graph cimport array_of, enter_call, held, leave_call, value_of, variable
from fastgrad._kernels.loops cimport (
    holds_integers, import_numpy, is_array, is_exact, is_stand_in, native, stand_in, take_object,
)
from fastgrad._core.node cimport (
    Edge, Handle, Node, OF_ROW, REQUIRES_GRAD, SAVED, STAND_IN, adopt_nodes, make_edges,
    new_node_of,
)
from fastgrad._core.operation cimport apply, is_foreign, without_lists
from fastgrad._core.precision cimport as_read, widened
from fastgrad._core.rules cimport attach, rule_of
from fastgrad._core.stand_ins cimport recorded_inputs
from fastgrad._core.record cimport Record, begin, finish_many, take_operand
from fastgrad._core.classes cimport class_among

import_numpy()

# For Python the same numbers.
globals().update(INPUTS=INPUTS, OUTPUT=OUTPUT, OTHERS=OTHERS, NOTHING=NOTHING)


def zero(xp, gy, y, *xs, **kwargs):
    """The VJP of an operand that the output does not change with, but in steps: zeros."""
    raise NotImplementedError("the engine makes the zeros itself")


cdef class Row:
    """A differentiable function: call it on Variables, arrays and numbers. Made by `op`."""

    def __init__(self, name, forward, vjp, int saves, bint sequence, compiled, doc, module,
                 jvp=None, batched=None):
        self.name, self.forward, self.saves, self.sequence = name, forward, saves, sequence
        self.vjp = vjp if sequence or isinstance(vjp, tuple) else (vjp,)
        self.steps = ()
        self.jvp = jvp if sequence or isinstance(jvp, tuple) or jvp is None else (jvp,)
        self.is_ufunc = isinstance(forward, np.ufunc) and forward.signature is None
        # Element by element a VJP takes a leading axis as it is.
        self.batched = self.vjp if batched is True or batched is None and self.is_ufunc else \
            batched if sequence or isinstance(batched, tuple) or batched is None else (batched,)
        self.compiled = compiled
        if compiled is not None:
            self.rule = rule_of(compiled)
            self.fast_call = attach(compiled, forward, self.vjp, self.batched)
            self._function = compiled
        self.__name__ = self.__qualname__ = name
        self.__module__ = module
        self.ours = module.startswith("fastgrad.")
        self.__doc__ = doc
        self.__wrapped__ = forward  # for inspect.signature

    @property
    def Function(self):
        """The class of the Functions that it records, which `type(y.creator)` is."""
        if self._function is None:
            name = "".join([part.capitalize() for part in self.name.split("_")])
            members = {"row": self, "__doc__": f"`{self.name}` as a Function.", "__slots__": (),
                       "__module__": self.__module__}
            self._function = type(name, (RowFunction,), members)
        return self._function

    def __getattr__(self, name):
        """Of a ufunc: `reduce`, `accumulate`, `outer`, `nin` and its other methods and numbers."""
        if isinstance(self.forward, np.ufunc) and name[:1] != "_":
            return getattr(self.forward, name)
        raise AttributeError(f"{self!r} has no attribute {name!r}")

    def __repr__(self):
        return f"<op {self.name}>"

    def __reduce__(self):
        names = vars(sys.modules.get(self.__module__, sys))
        if names.get(self.name) is not self:
            for name, found in list(names.items()):
                if found is self:
                    return row_at, (self.__module__, name)
        return self.__qualname__  # pickled by name, as functions are; or pickle says why not

    def __get__(self, instance, owner):
        return self if instance is None else MethodType(self, instance)

    def __call__(self, *args, **kwargs):
        cdef int n = len(args)
        cdef object x0, x1
        if self.fast_call != NULL:
            y = self.fast_call(self.rule, args, kwargs)
            if y is not NotImplemented:
                return y
        elif self.rule != NULL and n == self.rule.n_inputs and not kwargs:
            x0 = args[0]
            x1 = args[1] if n > 1 else None
            if isinstance(x0, Handle) or isinstance(x1, Handle):
                y = apply(self.rule, x0, x1)
                if y is not NotImplemented:
                    return y
        return self.call(args, kwargs)

    cdef object call(self, tuple args, dict kwargs):
        """Any arguments. NumPy writes to `out`; the result has what is there then, in a copy."""
        if self.is_ufunc and kwargs and "where" in kwargs:
            if any_variable(args) or any_variable((kwargs["where"],)):
                return self.forward(*args, **kwargs)  # through NumPy's protocol, which knows masks
        if self.otherwise is not None and (
            any_variable(kwargs.values()) or any_variable(args[self.n_operands():])
        ):
            y = self.otherwise(*args, **kwargs)
            if y is not NotImplemented:
                return y
        cdef object out = kwargs.pop("out", None) if kwargs else None
        cdef object natural = None  # the results, where `out` is complex and they may be real
        cdef dict given = kwargs
        cdef int place = -1
        if out is None and len(args) > self.n_operands():
            if isinstance(self.forward, np.ufunc):
                out, args = args[self.n_operands():], args[:self.n_operands()]
            elif self.place_of_out() < len(args):
                place = self.place_of_out()
                out, args = args[place], args[:place] + (None,) + args[place + 1:]
        if out is not None:
            args, kwargs = self.apart_from(args, kwargs, out)
            given = kwargs if place > 0 else {**kwargs, "out": out}
            if has_complex(out) and (any_variable(args) or any_variable(kwargs.values())):
                natural = self.call(args, dict(kwargs))
        if any_variable(kwargs.values()) or any_variable(args[self.n_operands():]):
            args, kwargs = self.bound(args, kwargs)
            given = kwargs if out is None or place > 0 else {**kwargs, "out": out}
        cdef object operands = args
        if self.sequence:
            if not args or isinstance(args[0], (Handle, np.ndarray)):
                # An array of operands: what it is split into along its first axis.
                return self.call((tuple(args[0]), *args[1:]), given) if any_variable(args) \
                    else self.forward(*args, **given)
            operands = tuple(args[0])
        cdef int i, n = self.n_operands() if not self.sequence else len(operands)
        n = min(n, len(operands))
        if not any_variable(operands):
            if place > 0:
                args = args[:place] + (out,) + args[place + 1:]
            return self.forward(*args, **given)
        if self.is_ufunc and any([is_foreign(x) for x in operands]):
            return self.forward(*args, **given)  # by NumPy's protocol, which asks it
        for i in range(n):
            if isinstance(operands[i], (list, tuple)) and any_variable(operands[i]):
                operands = operands[:i] + (assembled(operands[i]),) + operands[i + 1:]
        cdef tuple values = tuple([
            value_of_operand(self, i, operands[i]) for i in range(len(operands))
        ])
        if out is not None:
            self.refuse_lost(operands, n)
        cdef tuple others = args[1:] if self.sequence else values
        if place > 0:  # where `others` have None
            place -= self.sequence
            others = others[:place] + (out,) + others[place + 1:]
        ys = self.forward(values, *others, **given) if self.sequence \
            else self.forward(*others, **given)
        if out is not None:
            ys = kept_from(ys, out)
        cdef bint requires_grad = False
        for i in range(n):
            if isinstance(operands[i], Handle) and (<Handle>operands[i]).flags & REQUIRES_GRAD:
                requires_grad |= self.sequence or self.vjp[i] is not None
        cdef bint many = isinstance(ys, (tuple, list))
        cdef list outputs = outputs_of(ys if many else (ys,), requires_grad, class_among(operands))
        if requires_grad and n_of_integers(outputs):
            cut_steps(self, outputs, operands, n)
        cdef bint any_grad = False
        for x in outputs:
            any_grad |= (<Handle>x).flags & REQUIRES_GRAD
        if any_grad and recording():
            record(self, operands, n, values, args, kwargs, outputs, many)
        if natural is not None:
            outputs = [made_complex(y, x) for y, x in zip(outputs, natural if many else (natural,))]
        if not many:
            return outputs[0]
        if type(ys) is list:
            return outputs
        return type(ys)(*outputs) if hasattr(type(ys), "_fields") else type(ys)(outputs)

    cdef tuple apart_from(self, tuple args, dict kwargs, object out):
        """The arguments, with copies of what shares the memory of `out`."""
        if any_variable((out,)):
            raise TypeError(f"{self.name}: out is a Variable, which is never written to; use the "
                            "result")
        outs = out if isinstance(out, tuple) else (out,)
        if self.name in ACCUMULATIONS and np.ndim(outs[0]) == 0:
            raise ValueError(f"{self.name}: out is 0-d, expected the shape of the result")
        args = apart(self.name, args, outs)
        return args, dict(zip(kwargs, apart(self.name, kwargs.values(), outs)))

    cdef int refuse_lost(self, object operands, int n) except -1:
        """Raise where a gradient would be lost in `out`, in a function that is differentiated."""
        from fastgrad._core.protocols import full_name  # made, as the other, of all the rest
        from fastgrad.conversions import refuse_written

        name = full_name(self.forward) if isinstance(self.forward, np.ufunc) else self.name
        for i in range(n):
            if isinstance(operands[i], Handle):
                if self.sequence or not (self.vjp[i] is None or self.vjp[i] is zero):
                    refuse_written(name, operands[i])
        return 0

    cdef int n_operands(self) except -1:
        return 1 if self.sequence else len(<tuple>self.vjp)

    cdef int place_of_out(self) except -1:
        """Which argument `out` is, where it may come by position; beyond all of them if none."""
        if self.out_place == 0:
            names = parameter_names(self.forward)
            self.out_place = names.index("out") if "out" in names else 1 << 20
        return self.out_place

    cdef tuple bound(self, tuple args, dict kwargs):
        """The same arguments, with operands that were passed by name among `args`."""
        cdef int i, n = self.n_operands()
        names = parameter_names(self.forward)[:n]
        rest = dict(kwargs)
        for i in range(len(args), len(names)):
            if names[i] not in rest:
                break
            args = (*args, rest.pop(names[i]))
        for place, x in [*enumerate(args[n:], n), *rest.items()]:
            if any_variable((x,)):
                raise TypeError(f"{self.name}: argument {place!r} is a Variable, and no operand "
                                "that can be differentiated for; pass its value, x.data")
        return args, rest

    cdef object differentiate(self, int i, object xp, object gy, Call call):
        """The VJP's own answer, not yet fitted to its operand."""
        vjp = self.vjp if self.sequence else self.vjp[i]
        args = self.arguments_for(xp, i, gy, call)
        return vjp(*args, **call.kwargs) if call.kwargs else vjp(*args)

    cdef object batch(self, int i, object xp, object gys, Call call):
        """The same for gradients with a leading axis; NotImplemented where it takes none."""
        vjp = self.batched if self.sequence else self.batched[i]
        args = self.arguments_for(xp, i, gys, call)
        return vjp(*args, **call.kwargs) if call.kwargs else vjp(*args)

    cdef bint has_jvp(self, int i) except -1:
        return self.jvp is not None and (self.sequence or self.jvp[i] is not None)

    cdef object push(self, int i, object xp, object dx, Call call):
        """The derivative of the output, or a tuple of those, along `dx` for operand `i`."""
        jvp = self.jvp if self.sequence else self.jvp[i]
        args = self.arguments_for(xp, i, dx, call)
        return jvp(*args, **call.kwargs) if call.kwargs else jvp(*args)

    cdef tuple arguments_for(self, object xp, int i, object g, Call call):
        """Those of a VJP, or of a JVP, for operand `i`: what it reads in the precision of `g`."""
        cdef tuple args = call.args
        if not self.narrow:
            g = widened(g)
        y = call.y if type(call.y) is tuple else as_read(call.y, g)
        if self.sequence:
            xs = args[0]
            if self.saves & (INPUTS | OTHERS):  # else n operands would take n**2 steps, for nothing
                xs = tuple([as_read(x, g) for x in <tuple>xs])
            return (xp, i, g, y, xs, *args[1:])
        return (xp, g, y, *[self.read(k, args[k], g) for k in range(len(args))])

    cdef object read(self, int i, object x, object gy):
        """Argument `i` for a VJP; as it is if no gradient is for it: masks, indices."""
        if i >= len(<tuple>self.vjp) or self.vjp[i] is None or self.vjp[i] is zero:
            return x
        if type(x) is list or type(x) is tuple:
            array = np.asarray(x)
            return as_read(array, gy) if array.dtype.kind in "biufc" else x
        return as_read(x, gy)


# These crash in NumPy (2.4) with a 0-d `out`: NumPy's mistake, and the program's.
cdef frozenset ACCUMULATIONS = frozenset(
    "cumsum cumprod nancumsum nancumprod cumulative_sum cumulative_prod".split()
)


cdef object kept_from(object ys, object out):
    """The results, with copies of those that are (or share memory with) an `out`."""
    outs = [x for x in (out if isinstance(out, tuple) else (out,)) if isinstance(x, np.ndarray)]
    if isinstance(ys, (tuple, list)):
        return type(ys)([kept_from(y, tuple(outs)) for y in ys])
    shared = isinstance(ys, np.ndarray) and any([np.may_share_memory(ys, x) for x in outs])
    return ys.copy() if shared else ys


cdef bint has_complex(object out) except -1:
    """Whether there is a complex array among `out`."""
    for x in out if isinstance(out, tuple) else (out,):
        if isinstance(x, np.ndarray) and x.dtype.kind == "c":
            return True
    return False


cdef object made_complex(Handle y, object natural):
    """`y`, or what is recorded as `natural` made complex: the gradient for it is real then."""
    value = value_of(y)
    return y if value.dtype.kind != "c" or natural.dtype.kind == "c" else replaced(natural, value)


cdef object replaced = Row(
    "replaced", lambda x, value: value, (lambda xp, g, y, x, value: g, None), NOTHING, False, None,
    "`value` in place of `x`, which it is in another dtype or shape.", __name__,
)


# What makes a Variable of a list or a tuple that holds Variables, and leaves all else as it is:
# functions/joining.py sets it.
cdef object assembled = None


def set_assembled(function):
    """Let `function` make one operand of a list that holds Variables."""
    global assembled
    assembled = function


def operand_of(x):
    """A Variable, also of a list or a tuple that holds some, or else the array that NumPy reads."""
    if isinstance(x, Handle):
        return x
    return assembled(x) if any_variable((x,)) else np.asanyarray(x)


cdef bint any_variable(object xs) except -1:
    """Whether one is a Variable, or a list or a tuple that holds one."""
    cdef object x
    for x in xs:
        if isinstance(x, Handle):
            return True
        if isinstance(x, (list, tuple)) and any_inside(x):
            return True
    return False


cdef bint any_inside(object x) except -1:
    enter_call(" in a list of lists")
    try:
        return any_variable(x)
    finally:
        leave_call()


def row_at(module, name):
    """The row of that name in a module: what a pickle of one holds that calls itself otherwise."""
    return getattr(import_module(module), name)


# What NumPy's functions in C call their arguments: before 2.4 they do not tell.
cdef dict NAMES = {
    np.dot: ("a", "b", "out"), np.inner: ("a", "b"), np.vdot: ("a", "b"),
    np.where: ("condition", "x", "y"), np.bincount: ("x", "weights", "minlength"),
}


def parameter_names(function):
    """What it calls its arguments; nothing, where that is not known."""
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return list(NAMES.get(function, ()))


def holds_variable(*xs):
    """Whether one of `xs` is a Variable, or a list or a tuple that holds one."""
    return any_variable(xs)


def apart(name, args, out):
    """The arguments, with copies of those arrays that share the memory to which a result goes."""
    found = []
    for x in args:
        data = array_of(x)
        if isinstance(data, np.ndarray) and any([
            isinstance(y, np.ndarray) and np.may_share_memory(data, y) for y in out
        ]):
            if isinstance(x, Handle):
                raise TypeError(f"{name}: out shares the memory of a Variable, which is never "
                                "written to; use the result")
            x = data.copy()
        elif isinstance(x, (list, tuple)):
            x = type(x)(apart(name, x, out)) if type(x) in (list, tuple) else x
        found.append(x)
    return tuple(found)


cdef list whole(Row row, gys, ys):
    """The gradients of all outputs: zeros where there is none, if the rule does not take None."""
    if row.none_for_absent:
        return list(gys)
    return [zero_gradient(y) if gy is None else gy for gy, y in zip(gys, ys)]


cdef object value_of_operand(Row row, int i, object x):
    if isinstance(x, Handle):
        x = value_of(x)
        if x is None:
            raise TypeError(f"{row.name}: operand {i} is a Variable without data (None)")
    elif isinstance(x, (list, tuple)):
        if row.is_ufunc:
            x = np.asarray(x)
    if is_array(<PyObject *>x) and not is_exact(<PyObject *>x):
        if isinstance(x, np.matrix) or isinstance(x, np.ma.MaskedArray) and not row.is_ufunc:
            raise TypeError(f"{row.name}: operand {i} is a {type(x).__name__}, whose rules are not "
                            "an ndarray's; use np.asarray, or where=")
    return x


cdef list outputs_of(object ys, bint requires_grad, PyTypeObject *cls):
    cdef list outputs = []
    for y in ys:
        if not is_array(<PyObject *>y):
            y = np.asarray(y)
        outputs.append(variable(y, requires_grad and y.dtype.kind in "biufcO", cls))
    return outputs


cdef int n_of_integers(list outputs) noexcept:
    """How many of them are arrays of integers or booleans."""
    cdef int n = 0
    for x in outputs:
        n += holds_integers((<Handle>x).array)
    return n


cdef int cut_steps(Row row, list outputs, object operands, int n) except -1:
    """Let the outputs of integers, or booleans, that change in steps alone require no gradient.

    Integers are real numbers, so those that are made of others change with them. Not so, but in
    steps, do integers that were made of floating-point numbers, booleans that were made of numbers,
    what the row says, and what comes beside floating-point numbers: counts, indices, ranks.
    """
    cdef Handle y
    cdef int slot
    cdef str kinds = "".join([
        value_of(operands[i]).dtype.kind for i in range(n)
        if isinstance(operands[i], Handle) and (<Handle>operands[i]).flags & REQUIRES_GRAD
        and (row.sequence or row.vjp[i] is not None and row.vjp[i] is not zero)
    ])
    cdef bint beside = n_of_integers(outputs) < len(outputs)
    for slot in range(len(outputs)):
        y = outputs[slot]
        if holds_integers(y.array):
            follows = "bO" if value_of(y).dtype.kind == "b" else "biuO"
            if beside or slot in row.steps or not any([kind in follows for kind in kinds]):
                y.flags &= ~REQUIRES_GRAD
    return 0


cdef object kept(object x, bint whole):
    """`x` for a VJP that reads its elements, or only its shape and dtype."""
    if whole or not is_array(<PyObject *>x) or not is_exact(<PyObject *>x):
        return take_object(native(<PyObject *>x))
    return take_object(stand_in(<PyObject *>x))


cdef int record(Row row, object operands, int n, tuple values, tuple args, dict kwargs,
                list outputs, bint many) except -1:
    cdef Node f = new_node_of(<PyTypeObject *>row.Function)
    cdef Call call = Call.__new__(Call)
    cdef Record r
    cdef Handle x
    cdef int i, n_needy = 0
    cdef bint whole, integers = n_of_integers(outputs) == len(outputs)
    begin(&r)
    make_edges(f, n)
    for i in range(n):
        if isinstance(operands[i], Handle) and (row.sequence or row.vjp[i] is not None):
            x = operands[i]
            if integers and values[i].dtype.kind in "fc":
                continue  # it was made an integer on the way: in steps
            if x.flags & REQUIRES_GRAD:
                n_needy += 1
                take_operand(&r, &f.edges[i], x, <PyObject *>values[i])
    saved = []
    for i in range(len(values)):
        whole = i >= n or row.saves & INPUTS or not (row.sequence or row.vjp[i] is not None)
        if row.saves & OTHERS and i < n:
            whole |= n_needy > (f.edges[i].to != NULL)
        saved.append(kept(without_lists(values[i]), whole))
        if i < n:
            save(&f.edges[i], saved[i])
    call.row = row
    call.args = (tuple(saved), *without_lists(args[1:])) if row.sequence else tuple(saved)
    if kwargs and not row.is_ufunc:
        call.kwargs = {key: without_lists(value) for key, value in kwargs.items()}
    ys = tuple([kept(value_of(y), row.saves & OUTPUT) for y in outputs])
    call.y = ys if many else ys[0]
    r.tracked |= may_refer(call.args) or may_refer(call.kwargs)
    if not r.tracked:
        untrack(<PyObject *>call)
    Py_INCREF(call)
    f.kept = <PyObject *>call
    f.flags = OF_ROW
    return finish_many(&r, f, outputs)


cdef inline void save(Edge *edge, object x) noexcept:
    """The operand, or what stands for it."""
    if x is not None:
        Py_INCREF(x)
        edge.saved.array = <PyObject *>x
        edge.flags = STAND_IN if is_array(<PyObject *>x) and is_stand_in(<PyObject *>x) else SAVED


cdef bint may_refer(object x) except -1:
    """Whether it may refer to something that refers back: see NOTE [Garbage collector]."""
    if x is None or not has_references(<PyObject *>x) or type(x) is slice:
        return False
    if type(x) is dict:
        x = list(x.values())
    if type(x) is tuple or type(x) is list:
        enter_call(" in a list of lists")
        try:
            for item in x:
                if may_refer(item):
                    return True
        finally:
            leave_call()
        return False
    return not isinstance(x, type) and not isinstance(x, np.ufunc)


# --- backward ---


@cython.final
cdef class Call:
    cdef object operand(self, int i):
        return (<tuple>self.args[0])[i] if self.row.sequence else self.args[i]


cdef list owned(list gys):
    cdef object gy
    return [np.array(gy, subok=True) for gy in gys]


cdef object gradient_of_call(Call call, int i, object gy):
    cdef Row row = call.row
    cdef object x = call.operand(i)
    if not row.sequence and row.vjp[i] is zero:
        return zero_gradient(x)
    return fit(row.differentiate(i, np, gy, call), x, row.name, i, None)


# --- the Functions ---


cdef class RowFunction(Function):
    """What a row records. Its subclasses can be called, and subclassed, like any Function."""

    row = None

    def __reduce_ex__(self, protocol):
        made = super().__reduce_ex__(protocol)
        cdef Row row = type(self).row
        if row is None or row._function is not type(self):
            return made
        # Its class is no module's attribute: pickled by the row, which is.
        return new_function, (row,), *made[2:]

    def forward(self, *xs):
        """The output's array, from the operands'."""
        cdef Row row = row_of(self)
        y = row.forward(xs) if row.sequence else row.forward(*xs)
        self._y = tuple(y) if isinstance(y, (tuple, list)) else y
        return self._y

    def backward(self, *gys):
        """The inputs' gradients, from the output's."""
        cdef Call call
        cdef Row row
        if self.flags & OF_ROW:
            return backward_of(self, gys)
        row = row_of(self)
        call = Call.__new__(Call)
        call.row, call.y = row, self._y
        xs = tuple([kept(value_of(x), True) for x in recorded_inputs(self)])
        call.args = (xs,) if row.sequence else xs
        return gradients_of(call, gys, None)


def output_at(Node f not None, int slot):
    """What a node of a row keeps of an output: its data, or what stands for them."""
    if not f.flags & OF_ROW:
        raise TypeError(f"{type(f).__name__} is no node of a row, or was released")
    y = call_of(f).y
    return y[slot] if isinstance(y, tuple) else y


def backward_of(Function f, tuple gys):
    """What `f.backward(*gys)` is for a node of a row."""
    cdef Node own = held(f)
    return gradients_of(call_of(own), gys, [own.edges[i].to != NULL for i in range(own.n_edges)])


cdef object gradients_of(Call call, tuple gys, list needed):
    cdef Row row = call.row
    cdef int i, n = len(call.args[0]) if row.sequence else len(call.args)
    ys = call.y if isinstance(call.y, tuple) else (call.y,)
    gys = tuple(whole(row, gys, ys))
    gy = gys if isinstance(call.y, tuple) else gys[0]
    gxs = []
    for i in range(n):
        known = row.sequence or (i < len(row.vjp) and row.vjp[i] is not None)
        known = known and (needed is None or needed[i])
        gxs.append(gradient_of_call(call, i, gy) if known else None)
    return tuple(gxs) if len(gxs) > 1 else gxs[0]


adopt_nodes(<PyTypeObject *>RowFunction)


cdef Row row_of(Function f):
    cdef object row = type(f).row
    if not isinstance(row, Row):
        raise NotImplementedError(f"{type(f).__name__} is no built-in operation")
    return row


def new_function(row):
    """A Function of a row, not called yet: what a pickle of one holds."""
    return row.Function()
