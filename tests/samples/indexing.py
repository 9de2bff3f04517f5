"""Samples of fastgrad.functions.indexing."""

import operator

import numpy as np

from fastgrad.functions.indexing import (
    getitem,
    permuted,
    permuted_forward,
    placed,
    placed_forward,
    scatter,
    scatter_forward,
)
from samples.sample import Sample, complex_normal, distinct, normal

INDEX = np.array([[0, 2, -1], [2, 0, 0]])
FAR = np.array([-7, 0, 5, 9])
MASK = np.array([[True, False, True], [False, False, True]])


def in_rows(x, axis=-1):
    """An order along an axis, as of `np.argsort`."""
    return np.argsort(x, axis=axis)


def repeated(*shape):
    """Numbers of which there are several each."""
    n = int(np.prod(shape))
    return np.asarray((np.arange(n) * 7 % 5).reshape(shape) * 0.5)


TAKING = [
    *(Sample("take", (x, INDEX), axes)
      for x in (normal(3, 4), complex_normal(4, 3, 3)) for axes in ({}, {"axis": 0}, {"axis": -1})),
    *(Sample("take", (normal(3, 4), FAR), {"mode": mode} | axes)
      for mode in "wrap clip".split() for axes in ({}, {"axis": 1})),
    Sample("take", (normal(3, 4), 1, 0)),
    Sample("take", (normal(5), -2)),
    Sample("take", (normal(3, 4), [], 1)),
    Sample("take", (normal(), [0, 0])),
    Sample("take_along_axis", (normal(3, 4), in_rows(normal(3, 4))), {"axis": -1}),
    Sample("take_along_axis", (complex_normal(3, 4), in_rows(normal(3, 4), 0)), {"axis": 0}),
    Sample("take_along_axis", (normal(3, 4), INDEX[:, :1]), {"axis": 0}),
    Sample("take_along_axis", (normal(1, 4), np.array([[0, 0], [3, 1], [2, 2]])), {"axis": 1}),
    Sample("take_along_axis", (normal(3, 2), np.array([5, 0, 0])), {"axis": None}),
    *(Sample("compress", (condition, x), axes)
      for condition in ([True, False, True], np.array([False, True]))
      for x in (normal(3, 4), complex_normal(3, 3))
      for axes in ({}, {"axis": 0}, {"axis": -1})),
    Sample("extract", (normal(2, 3) > 0, normal(2, 3))),
    Sample("extract", (MASK, complex_normal(2, 3))),
    Sample("extract", (MASK, normal(3, 2))),
]  # fmt: skip

CHOOSING = [
    Sample("choose", (np.array([0, 1, 1]), [normal(3), normal(3, seed=1)])),
    Sample("choose", (INDEX, [normal(3), normal(2, 1), np.asarray(complex_normal()), 0.5, 2.0]),
           {"mode": "wrap"}),
    *(Sample("choose", (FAR, (normal(2, 4), normal(), 1.5)), {"mode": mode})
      for mode in "wrap clip".split()),
    Sample("choose", (np.array([2, 0, 1]), normal(3, 3))),
    Sample("select", ([MASK, MASK[:, ::-1]], [normal(2, 3), normal(2, 3, seed=1)])),
    Sample("select", ([MASK, ~MASK], [normal(2, 3), 2.0], normal())),
    Sample("select", ([MASK[0], MASK[1:]], [complex_normal(2, 3), normal(3)], 1.5)),
    Sample("select", ([MASK, MASK, True], [normal(3), normal(2, 1), normal()], normal(2, 3))),
    Sample("select", ([MASK], [1.5], normal(3))),
]  # fmt: skip


def cubed(x, scale=1.0):
    """A function for `piecewise`."""
    return x * x * x * scale


def inverse(x, scale=1.0):
    """Another one, not to be called with zeros."""
    return scale / x


def scaled(x, factor=2.0):
    """Of a part, the same shape."""
    return x * x[0] * factor


def norm2(x):
    """Of a part, a number."""
    return np.sum(x * x)


def products(x):
    """Of a part, a matrix."""
    return x[:, None] * x[:2]


def constant(x):
    """Of a part, always the same."""
    return np.array([1.0, 2.0])


def list_of(x):
    """Of a part, a list."""
    return [x[0], x[0] * x[1]]


V = distinct(2, 3)
PIECES = [
    Sample("piecewise", (V, [V < 0, V >= 0], [cubed, inverse])),
    Sample("piecewise", (V, [V < 0], [cubed, inverse])),
    Sample("piecewise", (V, [V < -0.2, V > 0.2], [cubed, -1.5, inverse])),
    Sample("piecewise", (V, [V < 0.2, V < 0], [-0.0, cubed])),
    Sample("piecewise", (V, [V > 100, V < 100], [inverse, cubed], 3.0)),
    Sample("piecewise", (V, [V < 0], [cubed, inverse]), {"scale": 2.0}),
    Sample("piecewise", (distinct(5), distinct(5) < 0, [cubed, inverse])),
    Sample("piecewise", (V[0], [True, False, True], [cubed, 0.0])),
    Sample("piecewise", (V, [[True, False]], [cubed, 1.0])),
    Sample("piecewise", (np.array(0.7), [True], [cubed])),
    Sample("piecewise", (np.array(0.7), False, [cubed, inverse])),
    Sample("piecewise", (complex_normal(3), normal(3) > 0, [cubed, inverse])),
    *(Sample("apply_along_axis", (function, axis, x))
      for function in (scaled, norm2, products, list_of)
      for axis, x in ((0, normal(3)), (0, normal(2, 3)), (-1, normal(2, 3)),
                      (1, normal(2, 3, 4)))),
    Sample("apply_along_axis", (scaled, 0, normal(2, 3), 3.0)),
    Sample("apply_along_axis", (scaled, 0, complex_normal(2, 3)), {"factor": 3.0}),
    *(Sample("apply_over_axes", (np.sum, normal(2, 3, 4), axes)) for axes in (0, -1, (0, 2), [1])),
    Sample("apply_over_axes", (np.cumsum, normal(2, 3), (0, 1))),
]  # fmt: skip

DIAGONALS = [
    *(Sample(name, (x, *args), kwargs)
      for name in "diagonal trace".split()
      for x in (normal(3, 4), complex_normal(4, 3))
      for args, kwargs in (((), {}), ((1,), {}), ((-2,), {}), ((0, 1, 0), {}), ((9,), {}))),
    *(Sample(name, (normal(2, 3, 4),), kwargs)
      for name in "diagonal trace".split()
      for kwargs in ({}, {"offset": 1, "axis1": -1, "axis2": 0}, {"axis1": 1, "axis2": 2})),
    Sample("trace", (normal(3, 3),), {"dtype": np.complex128}, float32=False),
    *(Sample("diag", (x, k)) for x in (normal(3), normal(3, 4), complex_normal(4, 3))
      for k in (0, 1, -2)),
    Sample("diag", (normal(0),)),
    *(Sample("diagflat", (x, k)) for x in (normal(2, 2), complex_normal(3), normal())
      for k in (0, 1, -2)),
    *(Sample(name, (x, k)) for name in "tril triu".split()
      for x in (normal(3, 4), complex_normal(2, 3, 3), normal(3), normal(0, 2))
      for k in (0, 1, -1)),
]  # fmt: skip

SORTING = [
    *(Sample("sort", (x,), axes) for x in (distinct(3, 4), complex_normal(2, 3, 4), distinct(0, 3))
      for axes in ({}, {"axis": 0}, {"axis": None})),
    *(Sample("sort", (distinct(5, 2), 0), kwargs)
      for kwargs in ({"kind": "stable"}, {"stable": True}, {"kind": "heapsort"})),
    Sample("sort", (distinct(),), {"axis": None}),
    Sample("sort_complex", (complex_normal(5),)),
    Sample("sort_complex", (complex_normal(2, 5),)),
    Sample("sort_complex", (distinct(5),), float32=False),
    *(Sample("partition", (x, kth), axes) for x in (distinct(3, 4), complex_normal(3, 4))
      for kth in (1, [0, 2], -1) for axes in ({}, {"axis": 0}, {"axis": None})),
    Sample("partition", (distinct(200), 70)),
]  # fmt: skip

FLAGS = "return_index return_inverse return_counts".split()
UNIQUE = [
    *(Sample("unique", (x,), axes) for x in (distinct(2, 3), complex_normal(4), distinct(0))
      for axes in ({}, {"axis": 0}, {"axis": -1})),
    *(Sample("unique", (distinct(3, 4),), {flag: True}) for flag in FLAGS),
    Sample("unique", (distinct(3, 5),), dict.fromkeys(FLAGS, True)),
    Sample("unique", (distinct(3, 5), True, False, True, 1), {"equal_nan": False}),
    # With equal elements the number of results changes in any direction.
    *(Sample("unique", (repeated(n, 4),), {"axis": axis}, orders=0)
      for n in (5, 6) for axis in (None, 0, 1)),
    *(Sample(name, (distinct(3, 4),)) for name in
      "unique_values unique_counts unique_inverse unique_all".split()),
    *(Sample(name, (repeated(3, 5),), orders=0) for name in
      "unique_values unique_counts unique_inverse unique_all".split()),
    Sample("union1d", (distinct(2, 3), 0.05 + distinct(3))),
    Sample("union1d", (complex_normal(3), complex_normal(2))),
]  # fmt: skip

M = normal(3, 4)
INDICES = [
    1, slice(None, None, -2), (slice(1), None, -1), ..., M > 0, ([0, 0, 2], 1), (M[:, 0] > 0, 2),
    [[0, 0], [2, 1]],
]  # fmt: skip
BY_INDEX = [
    *(Sample("getitem", (x, index), function=getitem, forward=operator.getitem)
      for x in (M, complex_normal(3, 4)) for index in INDICES),
    *(Sample("scatter", (normal(*M[index].shape, seed=1), index, (3, 4)), function=scatter,
             forward=scatter_forward) for index in INDICES),
    *(Sample("permuted", (make(3, 4), in_rows(normal(3, 4, seed=1), axis), axis), function=permuted,
             forward=permuted_forward) for make in (normal, complex_normal) for axis in (0, 1)),
    Sample("placed", (normal(int(np.sum(M > 0))), M > 0, (3, 4), float), function=placed,
           forward=placed_forward, float32=False),
]  # fmt: skip

SAMPLES = [*BY_INDEX, *TAKING, *CHOOSING, *PIECES, *DIAGONALS, *SORTING, *UNIQUE]
