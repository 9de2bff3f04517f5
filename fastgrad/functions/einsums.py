"""`np.einsum`. The gradient for one operand is the einsum of `g` and the others.

Where that is a product of matrices, and not a small one, it is computed as such: NumPy's own loops
of `einsum`, which `optimize=False` asks of the value, are slower than BLAS by a factor of four.
"""

from functools import lru_cache, partial
from math import prod

import numpy as np

from fastgrad._core.arguments import holds_variable
from fastgrad.functions.products import arrays
from fastgrad.op import OTHERS, implements, op, plain

__all__ = ["einsum"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # as NumPy numbers them

FEW = 1 << 13  # multiplications that `einsum` does before a product of matrices is arranged


def letters(sublist):
    """The subscripts of an operand that were given as a list."""
    for k in sublist:
        if k is not Ellipsis and not 0 <= k < len(LETTERS):
            raise ValueError(f"einsum: subscript {k} is not within the valid range [0, 52)")
    return "".join("..." if k is Ellipsis else LETTERS[k] for k in sublist)


@lru_cache(1024)
def einsum_terms(subscripts, ndims):
    """The labels of each operand and of the result, with letters in place of the ellipsis."""
    terms, arrow, result = subscripts.replace(" ", "").partition("->")
    terms = terms.split(",")
    spare = [letter for letter in LETTERS if letter not in subscripts]
    hidden = [n - len(term.replace(".", "")) for term, n in zip(terms, ndims, strict=True)]
    rest = "".join(spare[: max([n for n, term in zip(hidden, terms, strict=True) if "." in term],
                               default=0)])  # fmt: skip
    terms = [
        term.replace("...", rest[len(rest) - n :]) for term, n in zip(terms, hidden, strict=True)
    ]
    if arrow:
        return tuple(terms), result.replace("...", rest)
    labels = "".join(terms)
    once = sorted(x for x in set(labels) if labels.count(x) == 1 and x not in rest)
    return tuple(terms), rest + "".join(once)


def as_matrices(a, b, terms, target):
    """The labels of einsum(a, b) that stacks, rows, sums and columns of a product have, or None.

    It is one of matrices if each label is once in a term, and summed only where both have it.
    """
    if len(set(terms[0])) < len(terms[0]) or len(set(terms[1])) < len(terms[1]):
        return None
    both = [x for x in terms[0] if x in terms[1]]
    stack, summed = ([x for x in both if (x in target) is kept] for kept in (True, False))
    rows, columns = ([x for x in target if x in term and x not in both] for term in terms)
    if not (rows and summed and columns) or a.dtype.char not in "fdFD" or b.dtype != a.dtype:
        return None
    if len(rows) + len(both) < a.ndim or len(columns) + len(both) < b.ndim:
        return None  # a label that only one term has, summed
    sizes = dict(zip(terms[0], a.shape, strict=True))
    if any(sizes.get(x, n) != n for x, n in zip(terms[1], b.shape, strict=True)):
        return None  # broadcast
    return stack, rows, summed, columns


def matrix_product(xp, a, b, terms, target):
    """The einsum of two factors as a product of matrices, by BLAS; None if it is none."""
    if next((x for x in target if (x in terms[0]) is not (x in terms[1])), "") in terms[1]:
        a, b, terms = b, a, terms[::-1]  # so that what comes first in the result are the rows
    labels = as_matrices(a, b, terms, target)
    if labels is None:
        return None
    stack, rows, summed, columns = labels
    sizes = dict(zip("".join(terms), a.shape + b.shape, strict=True))

    def matrices(x, term, *groups):
        """`x` with the axes of each group after the stacks as one."""
        x = xp.transpose(x, tuple(map(term.index, [*stack, *groups[0], *groups[1]])))
        if len(groups[0]) == len(groups[1]) == 1:
            return x
        lengths = (prod(sizes[k] for k in group) for group in groups)
        return xp.reshape(x, (*(sizes[k] for k in stack), *lengths))

    y = matrices(a, terms[0], rows, summed) @ matrices(b, terms[1], summed, columns)
    order = [*stack, *rows, *columns]
    y = xp.reshape(y, tuple(sizes[k] for k in order))
    return y if "".join(order) == target else xp.transpose(y, tuple(map(order.index, target)))


def einsum_vjp(xp, i, g, y, xs, subscripts, optimize=False, n_leading=0, **_):
    """The einsum of `g` and the other operands.

    A label that only this operand has was summed: ones spread it. A label that it has twice picks a
    diagonal: the unit matrix puts the gradient there.
    """
    xs = arrays(*xs)
    terms, result = einsum_terms(subscripts, tuple([x.ndim for x in xs]))
    spare = [letter for letter in LETTERS if letter not in "".join([result, *terms])]
    if len(spare) < n_leading:
        return NotImplemented
    leading = "".join(spare.pop() for _ in range(n_leading))
    factors = [g, *xs[:i], *xs[i + 1 :]]
    labels = [leading + result, *terms[:i], *terms[i + 1 :]]
    sizes = {}
    for x, term in zip(factors, labels, strict=True):
        for n, label in zip(x.shape, term, strict=True):
            if sizes.get(label, 1) == 1:
                sizes[label] = n
    target = ""
    for n, label in zip(xs[i].shape, terms[i], strict=True):
        if label in target:
            factors.append(np.eye(n, dtype=g.dtype))
            labels.append(label + spare[-1])
            target += spare.pop()
        else:
            if sizes.get(label, 1) == 1:
                factors.append(np.ones(n, g.dtype))
                labels.append(label)
            target += label
    if not isinstance(optimize, (bool, str)):
        optimize = True  # the path that was given is not for these operands
    if len(factors) == 2 and prod(sizes.values()) >= FEW:
        gx = matrix_product(xp, *factors, labels, leading + target)
        if gx is not None:
            return gx
    return xp.einsum(f"{','.join(labels)}->{leading}{target}", *factors, optimize=optimize)


def einsum_forward(xs, subscripts, **kwargs):
    """`np.einsum`, the operands first."""
    return np.einsum(subscripts, *xs, **kwargs)


einsum_of = op(
    "einsum",
    einsum_forward,
    OTHERS,
    vjp=einsum_vjp,
    batched=partial(einsum_vjp, n_leading=1),
    sequence=True,
)


@implements(np.einsum)
def einsum(*operands, out=None, optimize=False, **kwargs):
    """`np.einsum`, for Variables too; arguments and errors are NumPy's."""
    if not holds_variable(*operands, out):
        return np.einsum(*operands, out=out, optimize=optimize, **kwargs)
    if isinstance(operands[0], str):
        subscripts, *xs = operands
    else:  # operands and lists of integers by turns, at the end perhaps the list of the result
        n = len(operands) // 2 * 2
        xs = operands[:n:2]
        subscripts = ",".join(map(letters, operands[1:n:2]))
        if len(operands) > n:
            subscripts += "->" + letters(operands[n])
    return einsum_of(tuple(xs), subscripts, out=out, optimize=optimize, **kwargs)


plain(np.einsum_path)
