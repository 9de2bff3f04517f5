"""Each line that ends in "# E" is an error for mypy and for pyright, and no other is."""

import numpy as np

from fastgrad import Variable, grad, no_grad

x = Variable([1.0, 2.0])  # E
print(x.gard)  # E
x.backward(create_grahp=True)  # E


def f(x: float, n: int) -> float:
    return x**n


grad(f)("a", 2)  # E
grad(f)(2.0)  # E
grad(f)(2.0, 3)
grad(3.0)  # E
np.ones(2) + Variable(np.ones(2)).shpae  # E
with no_grad:  # E
    pass
