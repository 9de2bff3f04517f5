"""The libraries that are compared: one adapter a file, all with the names of `protocol.Library`.

An adapter imports its library at its top, so it is loaded only in the process that measures it.
"""

import importlib

LIBRARIES = {
    "numpy": "NumPy",
    "fastgrad": "fastgrad",
    "baseline": "baseline",
    "dezero": "DeZero",
    "autograd": "HIPS autograd",
    "mygrad": "MyGrad",
    "micrograd": "micrograd",
    "torch": "PyTorch",
    "jax": "JAX",
    "jax_jit": "JAX jit",
}
CONTROL = "numpy"  # it reads the machine: every time is also kept as a multiple of NumPy's
REFERENCE = "baseline"  # whose gradients the others' must equal


def load(name):
    """The adapter called `name`: of this package, or of the module that a dotted name leads to."""
    module = name if "." in name else f"{__name__}.{name}"
    return importlib.import_module(module).Adapter()
