"""`Variable`: the compiled operators and attributes, as a Python class that can be patched."""

from fastgrad._core.classes import declare
from fastgrad._core.engine import backward
from fastgrad._core.function import slots_of
from fastgrad._core.hooks import register_hook
from fastgrad._core.notes import without_notes
from fastgrad._core.operators import Operators
from fastgrad._core.protocols import ArrayUfunc, array_function
from fastgrad._core.variable import register
from fastgrad.conversions import leaves_graph
from fastgrad.methods import ArrayMethods


@register
class Variable(Operators, ArrayMethods):
    """A NumPy array that records what is computed from it.

    Parameters
    ----------
    data : ndarray or None
        The value, of any shape and dtype; kept, not copied. TypeError for anything else.
    name : object, optional
        For the program's use.
    requires_grad : bool
        Whether `backward` finds a gradient for it. What needs no gradient is not recorded.

    `+ - * / ** @`, negation and `abs` record a Function each; their other operand may be a
    Variable, or an ndarray or a scalar, which are constants, or a list or tuple of such.
    Comparisons are elementwise and return plain arrays; `hash` is by identity, `bool` is NumPy's.

    >>> import numpy as np
    >>> x = Variable(np.array(3.0))
    >>> y = x * x + 1
    >>> y.backward()
    >>> y, x.grad
    (variable(10.0), array(6.))

    What is computed from an instance of a subclass is a Variable, unless the subclass was declared
    with `results=True`: then it is of the subclass, whatever computes it, gradients with a graph
    included. Classes made of that one inherit its choice: results are of the class that was
    declared, unless they are declared anew (`results=False`: Variable). Of several operands the
    first that has such a class decides. As copies, results are made without a call of `__new__` or
    `__init__`: an attribute that these set is missing on them, so give it a default in the class.

    A subclass with `keep=True` has its instances kept alive by what was computed from them, as
    `Config.keep_variables` has all Variables.

    >>> class Box(Variable, results=True):
    ...     unit = None
    >>> class Parameter(Box):
    ...     pass
    >>> w = Parameter(np.array(3.0))
    >>> type(w).__name__, type(w * w).__name__, type(np.sin(w)).__name__
    ('Parameter', 'Box', 'Box')
    """

    __slots__ = ()

    __array_ufunc__ = ArrayUfunc()
    __array_function__ = array_function
    __pandas_priority__ = 5000  # above a DataFrame's: it leaves its operators to ours, which raise

    def __init_subclass__(cls, *, results=None, keep=None, **kwargs):
        super().__init_subclass__(**kwargs)
        declare(cls, results, keep)

    def backward(self, retain_grad=False, create_graph=False, retain_graph=True):
        """Add the gradients of this Variable to `grad` of the leaves that it was computed from.

        Starts from `self.grad`, broadcast to the shape of `self` (ValueError if it cannot be), or
        else from ones. With `retain_grad` the Variables on the way, this one included, keep theirs
        too, otherwise they have none afterwards. With `retain_graph=False` the graph is released on
        the way, and cannot be walked again (RuntimeError). With `create_graph` the gradients are
        Variables with a graph of their own, and nothing is released. TypeError without data,
        RuntimeError if `requires_grad` is False. An exception, be it from a Function's backward,
        leaves every `grad` as it was, and the graph, but for what `retain_graph=False` had released
        by then.

        >>> import numpy as np
        >>> x = Variable(np.array([1.0, 2.0]))
        >>> y = x * x
        >>> y.grad = np.array([1.0, 10.0])
        >>> y.backward()
        >>> x.grad
        array([ 2., 40.])
        """
        try:
            backward(self, retain_grad, create_graph, retain_graph)
        except RuntimeError as error:
            if not self.requires_grad:
                from fastgrad.hints import without_gradient

                without_gradient(self, error)
            raise

    def register_hook(self, hook):
        """Have each backward call `hook(gx)` with the whole gradient of this Variable.

        That is, with all contributions added, before it is passed on; of a leaf, at the end, before
        it is added to `grad`. Once per backward that reaches it, `gradients`, `grad` and `jacobian`
        (for each row) included; `jvp` calls none. `gx` is an ndarray, or, where derivatives are
        recorded (`create_graph`), a Variable; its array cannot be written into.

        What `hook` returns takes the place of the gradient: an ndarray, a scalar or a Variable, of
        its shape (else ValueError; TypeError for anything else), cast to its dtype. A Variable's
        must be computed from `gx` (else RuntimeError). Or None: the gradient stays. Hooks are
        called in the order of registration, each with what the one before made. An exception in
        one leaves every `grad` as it was.

        The hook belongs to the graph: it is called also if the program lets go of this Variable. It
        does not go along with copies and pickles. Returns an object whose `remove()` takes the
        hook off; as a context manager, at the end of the block. RuntimeError if `requires_grad` is
        False, TypeError if `hook` cannot be called.

        >>> import numpy as np
        >>> x = Variable(np.array([3.0, -4.0]))
        >>> y = x * x
        >>> clip = y.register_hook(lambda gy: np.clip(gy, -1, 1))
        >>> z = y * 10
        >>> z.backward()
        >>> x.grad
        array([ 6., -8.])
        >>> clip.remove()
        """
        return register_hook(self, hook)

    # A copy, or what is unpickled, is a leaf: data and settings travel, the graph does not.

    def __getstate__(self):
        state = {key: getattr(self, key) for key in ("data", "name", "grad", "requires_grad")}
        if isinstance(state["grad"], Variable):
            state["grad"] = state["grad"].data
        return state, {**without_notes(getattr(self, "__dict__", None) or {}), **slots_of(self)}

    def __reduce_ex__(self, protocol):
        leaves_graph(self, "copying or pickling x")
        return super().__reduce_ex__(max(protocol, 2))  # 0 and 1 would ask for no state

    def __setstate__(self, state):
        state, attributes = state
        for key, value in state.items():
            setattr(self, key, value)
        for key, value in attributes.items():
            setattr(self, key, value)
