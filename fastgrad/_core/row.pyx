# cython: binding=False, nonecheck=True
# (So that a method called on the class checks the type of its `self`, None included; and what a
# program may have put in a place of ours gets an exception.)
"""See row.pxd."""

cimport cython
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF

import sys
from functools import partial
from importlib import import_module
from types import MethodType

import numpy as np

from fastgrad._core.arguments cimport (
    any_requires, any_variable, apart_from, has_complex, is_foreign, may_refer, n_of_integers,
    operand_of, outputs_of, parameter_names, results_apart, to_save, value_of_operand,
    without_lists,
)
from fastgrad._core.config cimport recording
from fastgrad._core.collector cimport untrack
from fastgrad._core.graph cimport value_of
from fastgrad._kernels.loops cimport holds_integers, import_numpy, is_array, is_stand_in
from fastgrad._core.node cimport (
    Edge, Handle, Node, OF_ROW, REQUIRES_GRAD, SAVED, STAND_IN, make_edges, new_node_of,
)
from fastgrad._core.operation cimport apply
from fastgrad._core.precision cimport as_read, widened
from fastgrad._core.rules cimport attach, rule_of
from fastgrad._core.watch cimport watched, watcher
from fastgrad._core.record cimport Record, begin, finish_many, take_operand
from fastgrad._core.classes cimport class_among

import_numpy()

# For Python the same numbers.
globals().update(INPUTS=INPUTS, OUTPUT=OUTPUT, OTHERS=OTHERS, NOTHING=NOTHING)


def zero(xp, gy, y, *xs, **kwargs):
    """The VJP of an operand that the output does not change with, but in steps: zeros."""
    raise NotImplementedError("the engine makes the zeros itself")


def with_lists(method, *args, **kwargs):
    """A method of a ufunc, with Variables in place of the lists that hold some.

    (NumPy would make arrays of these, without asking the Variables.)
    """
    return method(*[operand_of(x) if type(x) in (list, tuple) and any_variable(x) else x
                    for x in args], **kwargs)


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
            from fastgrad._core.row_function import RowFunction  # which is made of all this

            name = "".join([part.capitalize() for part in self.name.split("_")])
            members = {"row": self, "__doc__": f"`{self.name}` as a Function.", "__slots__": (),
                       "__module__": self.__module__}
            self._function = type(name, (RowFunction,), members)
        return self._function

    def __getattr__(self, name):
        """Of a ufunc: `reduce`, `accumulate`, `outer`, `nin` and its other methods and numbers."""
        if isinstance(self.forward, np.ufunc) and name[:1] != "_":
            found = getattr(self.forward, name)
            return partial(with_lists, found) if callable(found) else found
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
        cdef object out, natural = None  # the results, where `out` is complex and they may be real
        cdef int place
        if self.is_ufunc and "where" in kwargs:
            if any_variable(args) or any_variable((kwargs["where"],)):
                return self.forward(*args, **kwargs)  # through NumPy's protocol, which knows masks
        if self.otherwise is not None and self.any_beside(args, kwargs):
            y = self.otherwise(*args, **kwargs)
            if y is not NotImplemented:
                return y
        out, place, args = self.without_out(args, kwargs)
        if out is not None:
            args, kwargs = apart_from(self.name, args, kwargs, out)
            if has_complex(out) and (any_variable(args) or any_variable(kwargs.values())):
                natural = self.call(args, dict(kwargs))
        if self.any_beside(args, kwargs):
            args, kwargs = self.bound(args, kwargs)
        return self.result(args, kwargs, out, place, natural)

    cdef object result(self, tuple args, dict kwargs, object out, int place, object natural):
        """The call, with operands that stand first among `args`; for the rest see `call`."""
        if self.sequence and (not args or isinstance(args[0], (Handle, np.ndarray))):
            if not any_variable(args):
                return self.computed(args, kwargs, out, place)
            # An array of operands: what it is split into along its first axis.
            return self.result((tuple(args[0]), *args[1:]), kwargs, out, place, natural)
        cdef tuple operands = tuple(args[0]) if self.sequence else args
        cdef int i, n = len(operands) if self.sequence else min(self.n_operands(), len(operands))
        if not any_variable(operands) or self.is_ufunc and any([is_foreign(x) for x in operands]):
            return self.computed(args, kwargs, out, place)  # what is foreign, NumPy's protocol asks
        for i in range(n):
            if isinstance(operands[i], (list, tuple)) and any_variable(operands[i]):
                operands = operands[:i] + (operand_of(operands[i]),) + operands[i + 1:]
        cdef tuple values = tuple([
            value_of_operand(self.name, self.is_ufunc, i, operands[i])
            for i in range(len(operands))
        ])
        if out is not None:
            self.refuse_lost(operands, n)
        ys = self.computed((values, *args[1:]) if self.sequence else values, kwargs, out, place)
        if out is not None:
            ys = results_apart(ys, out)
        cdef bint many = isinstance(ys, (tuple, list))
        cdef list outputs = outputs_of(
            ys if many else (ys,), requires_grad(self, operands, n), class_among(operands)
        )
        cut_steps(self, outputs, operands, n)
        if recording() and any_requires(outputs):
            record(self, operands, n, values, args, kwargs, outputs, many)
        if watched:
            watcher().row(self, (operands, *args[1:]) if self.sequence else operands, kwargs,
                          outputs, out is not None)
        if natural is not None:
            outputs = [made_complex(y, x) for y, x in zip(outputs, natural if many else (natural,))]
        if not many:
            return outputs[0]
        if type(ys) is list:
            return outputs
        return type(ys)(*outputs) if hasattr(type(ys), "_fields") else type(ys)(outputs)

    cdef object computed(self, tuple args, dict kwargs, object out, int place):
        """What `forward` returns, with `out` where it was passed: as an argument, or by name."""
        if out is None:
            return self.forward(*args, **kwargs)
        if place >= 0:
            return self.forward(*args[:place], out, *args[place + 1:], **kwargs)
        return self.forward(*args, **kwargs, out=out)

    cdef tuple without_out(self, tuple args, dict kwargs):
        """`out`, or None; which argument it is, or -1; the arguments, with None in its place."""
        cdef int n = self.n_operands(), place
        out = kwargs.pop("out", None)
        if out is None and len(args) > n:
            if isinstance(self.forward, np.ufunc):
                return args[n:], -1, args[:n]
            place = self.place_of_out()
            if place < len(args):
                return args[place], place, args[:place] + (None,) + args[place + 1:]
        return out, -1, args

    cdef bint any_beside(self, tuple args, dict kwargs) except -1:
        """Whether a Variable is passed by name, or behind the operands."""
        return any_variable(kwargs.values()) or any_variable(args[self.n_operands():])

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


cdef object made_complex(Handle y, object natural):
    """`y`, or what is recorded as `natural` made complex: the gradient for it is real then."""
    value = value_of(y)
    return y if value.dtype.kind != "c" or natural.dtype.kind == "c" else replaced(natural, value)


cdef object replaced = Row(
    "replaced", lambda x, value: value, (lambda xp, g, y, x, value: g, None), NOTHING, False, None,
    "`value` in place of `x`, which it is in another dtype or shape.", __name__,
)


def row_at(module, name):
    """The row of that name in a module: what a pickle of one holds that calls itself otherwise."""
    return getattr(import_module(module), name)


cdef bint requires_grad(Row row, tuple operands, int n) except -1:
    """Whether an operand does that there is a VJP for."""
    cdef int i
    for i in range(n):
        if isinstance(operands[i], Handle) and (<Handle>operands[i]).flags & REQUIRES_GRAD:
            if row.sequence or row.vjp[i] is not None:
                return True
    return False


cdef int cut_steps(Row row, list outputs, object operands, int n) except -1:
    """Let the outputs of integers, or booleans, that change in steps alone require no gradient.

    Integers are real numbers, so those that are made of others change with them. Not so, but in
    steps, do integers that were made of floating-point numbers, booleans that were made of numbers,
    what the row says, and what comes beside floating-point numbers: counts, indices, ranks.
    """
    cdef Handle y
    cdef int slot, n_integers = n_of_integers(outputs)
    if not n_integers:
        return 0
    cdef str kinds = "".join([
        value_of(operands[i]).dtype.kind for i in range(n)
        if isinstance(operands[i], Handle) and (<Handle>operands[i]).flags & REQUIRES_GRAD
        and (row.sequence or row.vjp[i] is not None and row.vjp[i] is not zero)
    ])
    cdef bint beside = n_integers < len(outputs)
    for slot in range(len(outputs)):
        y = outputs[slot]
        if holds_integers(y.array):
            follows = "bO" if value_of(y).dtype.kind == "b" else "biuO"
            if beside or slot in row.steps or not any([kind in follows for kind in kinds]):
                y.flags &= ~REQUIRES_GRAD
    return 0


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
        saved.append(to_save(without_lists(values[i]), whole))
        if i < n:
            save(&f.edges[i], saved[i])
    call.row = row
    call.args = (tuple(saved), *without_lists(args[1:])) if row.sequence else tuple(saved)
    if kwargs and not row.is_ufunc:
        call.kwargs = {key: without_lists(value) for key, value in kwargs.items()}
    ys = tuple([to_save(value_of(y), row.saves & OUTPUT) for y in outputs])
    call.y = ys if many else ys[0]
    r.tracked |= may_refer(call.args) or may_refer(call.kwargs)
    if not r.tracked:
        untrack(<PyObject *>call)
    Py_INCREF(call)
    f.kept = <PyObject *>call
    f.flags = OF_ROW
    return finish_many(&r, f, outputs)


cdef void save(Edge *edge, object x) noexcept:
    if x is not None:
        Py_INCREF(x)
        edge.saved.array = <PyObject *>x
        edge.flags = STAND_IN if is_array(<PyObject *>x) and is_stand_in(<PyObject *>x) else SAVED


@cython.final
cdef class Call:
    cdef object operand(self, int i):
        return (<tuple>self.args[0])[i] if self.row.sequence else self.args[i]
