# cython: binding=False, nonecheck=True
# (What a program passes, None included, may come here: it gets an exception.)
"""See hooks.pxd. `x.register_hook(f)`: the program sees a gradient when it is whole.

That is, of an output, when its node is visited; of a leaf, when the walk is over. So a leaf that
has hooks has its gradient kept aside (`claim_leaf`): without what its `.grad` was before.
"""

from fastgrad._core.accumulate cimport Gradient, NONE, boxed, forget, put
from fastgrad._core.asides cimport Aside
from fastgrad._core.graph cimport array_of, value_of
from fastgrad._core.node cimport HOOKED, LEAF, REQUIRES_GRAD
from fastgrad._core.notes cimport Hook, hooks_of, note_of, put_hooks
from fastgrad._core.run cimport aside_of, fit_in, in_flight, put_back, taken_out
from fastgrad._kernels.loops cimport clear_errors, import_numpy

import_numpy()


cdef class Undecided(Exception):
    pass


def register_hook(Handle x not None, f):
    """`x.register_hook(f)`: see Variable.register_hook."""
    if not callable(f):
        raise TypeError(f"register_hook: a hook is a function of a gradient, not "
                        f"{type(f).__name__}")
    if not x.flags & REQUIRES_GRAD:
        raise RuntimeError(
            "register_hook: this Variable has no gradient (requires_grad is False)")
    cdef Hook hook = Hook.__new__(Hook)
    hook.function = f
    if x.creator == NULL:
        put_hooks(x, LEAF, [hook])
    else:
        put_hooks(<object>x.creator, x.slot, [hook])
    return hook


cdef object hooked(Run run, list hooks, object gx, object x, int slot):
    """What hooks of the leaf, or node, `x` make of `gx`, one after the other."""
    cdef Hook hook
    for hook in hooks:
        function = hook.function
        if function is None:
            continue  # removed by one before it
        passed = run.passed(gx)
        array = value_of(passed) if isinstance(passed, Handle) else None
        made = function(passed)
        if isinstance(passed, Handle) and value_of(passed) is not array:
            raise RuntimeError(f"{subject_of(function, x, slot)} is lost: the hook assigned the "
                               "data of the one that it was given; return a new Variable")
        if made is None or made is passed:
            continue
        like = array_of(gx)
        gx = fit_in(run, made, like, (function, x, slot), 0, [])
        if run.is_lost(made, passed):
            raise RuntimeError(
                f"{subject_of(function, x, slot)} was computed with arrays, or without recording, "
                "so it cannot be differentiated: compute it with the Variable that the hook got")
    clear_errors()
    return gx


cdef int hook_outputs(Run run, Node f) except -1:
    cdef Gradient own
    cdef Gradient *g
    cdef int i = 0, slot
    cdef list hooks
    while i < f.n_slots:
        slot = f.first + i
        hooks = hooks_of(f, slot)
        g = in_flight(run, f, i)
        i += 1
        if not hooks or g == NULL or g.state == NONE:
            continue
        if run.origin:
            raise Undecided
        own = taken_out(g)
        gx = boxed(&own)
        forget(&own)
        gx = hooked(run, hooks, gx, f, slot)
        put(&own, gx)
        gx = None  # so that it may be written into
        put_back(run, f, slot, &own)  # to where that is now
    return 0


cdef int hook_leaves(Run run) except -1:
    cdef Aside aside
    cdef Handle x
    cdef list hooks
    if run.origin and run.captured:
        return 0  # the run comes to nothing
    for x in list(run.leaves):
        aside = aside_of(run, x)
        if aside is None or aside.gradients.state == NONE or not x.flags & HOOKED:
            continue
        hooks = hooks_of(x, LEAF)
        if hooks:
            gx = hooked(run, hooks, boxed(aside.gradients), x, LEAF)
            forget(aside.gradients)
            put(aside.gradients, gx)
    return 0


cdef object hook_leaf(Run run, Handle y, object gx):
    cdef object made = hooked(run, hooks_of(y, LEAF), gx, y, LEAF)
    return gx if made is gx else run.visible(y, made, 1)


def subject_of(function, x, int slot):
    """Of an error: what the hook returned for the leaf, or the output of the node, `x`."""
    if isinstance(x, Handle):
        what, name = "a leaf", x.name
    else:
        names = note_of(x, "names of outputs")
        what, name = f"an output of {type(x).__name__}", None if names is None else names.get(slot)
    if name is not None:
        what = f"{name!r}, {what}"
    hook = getattr(function, "__qualname__", None) or repr(function)
    return f"hook {hook} of {what}: the gradient returned"
