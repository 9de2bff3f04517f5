"""The seed's graph in plain Python: Variable, Function, and a backward that sorts at every push.

It is kept as slow and as simple as the original: the queue is a list that is sorted at every push,
what was queued before is remembered in a set, outputs are weak references, and a gradient lives on
its Variable. The operations are in `baseline.py`. Of its own it has constants as operands.
"""

import contextlib
import weakref

import numpy as np


class Config:
    """Switches that hold for the whole process."""

    enable_backprop = True


@contextlib.contextmanager
def using_config(name, value):
    """Set `Config.<name>` to `value` inside the `with` block."""
    before = getattr(Config, name)
    setattr(Config, name, value)
    try:
        yield
    finally:
        setattr(Config, name, before)


def no_grad():
    """Record nothing inside the `with` block."""
    return using_config("enable_backprop", False)


class Variable:
    """An ndarray, its gradient, and the Function that made it."""

    # NumPy's operators give way, so that `ndarray * variable` is a Variable.
    __array_ufunc__ = None

    def __init__(self, data, name=None):
        if data is not None and not isinstance(data, np.ndarray):
            raise TypeError(f"{type(data)} is not supported")
        self.data = data
        self.name = name
        self.grad = None
        self.creator = None
        self.generation = 0

    @property
    def shape(self):
        """The shape of the data."""
        return self.data.shape

    @property
    def ndim(self):
        """The number of axes of the data."""
        return self.data.ndim

    @property
    def size(self):
        """The number of elements of the data."""
        return self.data.size

    @property
    def dtype(self):
        """The dtype of the data."""
        return self.data.dtype

    def __len__(self):
        return len(self.data)

    def __repr__(self):
        if self.data is None:
            return "variable(None)"
        return "variable(" + str(self.data).replace("\n", "\n" + " " * 9) + ")"

    def set_creator(self, f):
        """Make `f` the Function that made this Variable."""
        self.creator = f
        self.generation = f.generation + 1

    def cleargrad(self):
        """Forget the gradient."""
        self.grad = None

    def backward(self, retain_grad=False):
        """Walk the graph from here to its leaves, latest generation first, and add up gradients."""
        if self.grad is None:
            self.grad = np.ones_like(self.data)

        queue = []
        seen = set()

        def push(f):
            if f not in seen:
                queue.append(f)
                seen.add(f)
                # A stable sort: among equals the last one pushed is the first one popped.
                queue.sort(key=lambda f: f.generation)

        push(self.creator)

        while queue:
            f = queue.pop()
            gys = [y().grad for y in f.outputs]
            gxs = f.backward(*gys)
            if not isinstance(gxs, tuple):
                gxs = (gxs,)

            # Not strict, and `+` instead of `+=`: as in the seed.
            for x, gx in zip(f.inputs, gxs):  # noqa: B905
                if x.grad is None:
                    x.grad = gx
                else:
                    x.grad = x.grad + gx

                if x.creator is not None:
                    push(x.creator)

            if not retain_grad:
                for y in f.outputs:
                    y().grad = None


class Constant(Variable):
    """An operand that was no Variable, kept as it came; a gradient given to it is dropped.

    A Python scalar stays one, so that it never changes a dtype (NEP 50).
    """

    grad = property(lambda self: None, lambda self, gx: None)

    def __init__(self, data):
        self.data = data
        self.name = None
        self.creator = None
        self.generation = 0


def as_array(x):
    """A scalar as a 0-d array; anything else as it is."""
    if np.isscalar(x):
        return np.array(x)
    return x


def as_variable(x):
    """A Variable as it is; an ndarray or a scalar as a Constant."""
    if isinstance(x, Variable):
        return x
    if isinstance(x, (np.ndarray, np.generic, int, float, complex)):
        return Constant(x)
    raise TypeError(f"{type(x)} is not supported")


class Function:
    """An operation: `forward` maps arrays to arrays, `backward` gradients to gradients."""

    def __call__(self, *inputs):
        try:
            generation = max([x.generation for x in inputs])
        except AttributeError:  # an operand that is no Variable has none
            inputs = tuple([as_variable(x) for x in inputs])
            generation = max([x.generation for x in inputs])
        xs = [x.data for x in inputs]
        ys = self.forward(*xs)
        if not isinstance(ys, tuple):
            ys = (ys,)
        outputs = [Variable(as_array(y)) for y in ys]

        if Config.enable_backprop:
            self.generation = generation
            for output in outputs:
                output.set_creator(self)
            self.inputs = inputs
            self.outputs = [weakref.ref(output) for output in outputs]

        return outputs if len(outputs) > 1 else outputs[0]

    def forward(self, xs):
        """The values, from the operands' arrays."""
        raise NotImplementedError()

    def backward(self, gys):
        """The gradient of every input, from the gradient of every output."""
        raise NotImplementedError()
