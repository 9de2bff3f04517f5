"""Samples of fastgrad.functions.products."""

import numpy as np

from samples.sample import Sample, complex_normal, distinct, normal

# Shapes of two operands.
MATMUL = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)), ((5, 1, 2, 3), (4, 3, 2)), ((5, 2, 3), (3,)), ((3,), (5, 3, 2)),
    ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((0,), (0,)), ((1, 1), (1, 1)),
]  # fmt: skip
DOT = [
    *MATMUL[:4], ((), ()), ((), (2, 3)), ((2, 3), ()), ((2, 3, 4), (4,)), ((4,), (2, 4, 3)),
    ((2, 3), (2, 3, 4)), ((2, 3, 4), (5, 4, 2)), ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((0,), (0,)),
]  # fmt: skip
INNER = [
    ((3,), (3,)), ((), ()), ((), (2, 3)), ((2, 3), ()), ((2, 3), (3,)), ((3,), (4, 3)),
    ((2, 3), (4, 3)), ((2, 4, 3), (5, 3)), ((2, 0), (3, 0)), ((0, 3), (3,)),
]  # fmt: skip
OUTER = [((3,), (4,)), ((2, 3), (4,)), ((2,), (2, 3)), ((), (3,)), ((), ()), ((0,), (3,))]
TENSORDOT = [
    ((2, 3, 4), (3, 4, 5), {}),
    ((2, 3), (2, 3), {"axes": 2}),
    ((2, 3), (3, 4), {"axes": 1}),
    ((2, 3), (4,), {"axes": 0}),
    ((), (2, 3), {"axes": 0}),
    ((2, 3, 4), (4, 5, 3), {"axes": ([1, 2], [2, 0])}),
    ((2, 3, 4), (4, 2, 3), {"axes": ((-1, 0), (0, 1))}),
    ((2, 3, 4), (4, 2, 3), {"axes": ((2, 0, 1), (0, 1, 2))}),
    ((2, 3), (4, 2), {"axes": (0, 1)}),
    ((2, 3), (4, 2), {"axes": (0, -1)}),
    ((2, 0), (0, 3), {"axes": 1}),
]
KRON = [((2,), (3,)), ((2, 3), (4, 2)), ((2, 3), (2,)), ((2,), (3, 1, 2)), ((), (2, 3)),
        ((2, 3), ()), ((), ()), ((0, 2), (3, 2))]  # fmt: skip
CROSS = [
    ((3,), (3,), {}),
    ((2, 3), (3,), {}),
    ((4, 1, 3), (2, 3), {}),
    ((3, 4), (3, 4), {"axis": 0}),
    ((3, 4), (5, 4, 3), {"axisa": 0}),
    ((3, 4), (4, 3), {"axisa": 0, "axisb": 1, "axisc": 0}),
    ((5, 3, 4), (5, 4, 3), {"axisa": 1, "axisb": -1, "axisc": 1}),
    ((5, 3, 4), (3, 4), {"axis": -2}),
    ((0, 3), (3,), {}),
]
SAME = "full same valid".split()
LENGTHS = [(5, 3), (3, 5), (4, 4), (5, 2), (2, 5), (6, 3), (3, 6), (1, 4), (4, 1), (1, 1)]


def both(name, shapes, kwargs=None, **options):
    """A sample of two real operands for each pair of shapes, and a few of complex ones."""
    for number, (a, b, *more) in enumerate(shapes):
        keywords = more[0] if more else kwargs or {}
        yield Sample(name, (normal(*a), normal(*b, seed=1)), keywords, **options)
        if number < 6:
            x, y = np.asarray(complex_normal(*a)), np.asarray(complex_normal(*b, seed=1))
            yield Sample(name, (x, y), keywords, **options)
            yield Sample(name, (normal(*a), y), keywords, **options)


EINSUM = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ba,ac", (2, 3), (3, 4)),  # the result is bc
    ("ij,jk", (2, 3), (1, 4)),  # an axis of length 1 is broadcast
    ("ij,kj->i", (2, 3), (4, 3)),
    ("i,i->", (1,), (3,)),
    (" i j , j -> i ", (2, 3), (3,)),
    ("i,j->ji", (2,), (3,)),
    ("i,i->", (3,), (3,)),
    ("i,i", (3,), (3,)),
    (",i->i", (), (3,)),
    ("->", ()),
    ("ij->", (2, 3)),
    ("ij->j", (2, 3)),
    ("ij->ji", (2, 3)),
    ("ba", (2, 3)),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("iji->j", (3, 2, 3)),
    ("iii->", (2, 2, 2)),
    ("iijj->ij", (2, 2, 3, 3)),
    ("iij,j->i", (2, 2, 3), (3,)),
    ("...ij,...jk->...ik", (5, 2, 3), (3, 4)),
    ("...ij,...jk", (5, 1, 2, 3), (4, 3, 2)),
    ("i...->...", (2, 3, 4)),
    ("i...,i...", (2, 3), (2, 1)),
    ("...,...", (2, 3), (3,)),
    ("...ii->...i", (2, 3, 3)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("i,ij,j", (2,), (2, 3), (3,)),
    ("ij,ij,ij->ij", (2, 3), (2, 3), (2, 3)),
    ("i,i,i,i->i", (2,), (2,), (2,), (2,)),
    ("ij,jk->ik", (0, 3), (3, 2)),
    ("ij,jk->ik", (2, 0), (0, 3)),
]
PATH = ["einsum_path", (1, 2), (0, 1)]


def operands(shapes, make=normal):
    return [np.asarray(make(*shape, seed=seed)) for seed, shape in enumerate(shapes)]


A, B, C = operands([(2, 3), (3, 4), (4, 2)])
INTERLEAVED = [
    (A, [0, 1], B, [1, 2]),
    (A, [0, 1], B, [1, 2], [2, 0]),
    (A, [30, 3], B, [3, 2]),
    (A, [0, 1], B, [1, 2], C, [2, 0], []),
    (A, [Ellipsis, 1], C[:3], [1, Ellipsis]),
    (normal(5, 2, 3), [Ellipsis, 0, 1], normal(3), [1], [0, Ellipsis]),
    (normal(3, 3), [0, 0]),
]

X = np.array([-1.3, 0.2, 0.2, 1.45, 2.9, 3.7, 1.1])  # two of them outside of the points
POINTS = np.array([-0.9, 0.0, 0.75, 1.9, 3.2])
VALUES = normal(5)
FIXED = [((), {}), ((1,), {"left": None}), ((1, 2), {"right": None}), ((0,), {"period": None})]

SAMPLES = [
    # gufuncs, and their axes
    *both("matmul", MATMUL),
    *both("matmul", [((3, 2), (4, 3), {"axes": [(1, 0), (1, 0), (1, 0)]}),
                     ((3, 5, 2), (4, 3), {"axes": [(-1, 0), (1, 0), (2, 0)]}),
                     ((3, 5), (3,), {"axes": [(1, 0), (0,), (0,)]}),
                     ((2, 3), (3, 4), {"dtype": np.complex128})], float32=False),
    *both("vecdot", [((3,), (3,)), ((2, 3), (3,)), ((4, 1, 3), (2, 3)), ((0, 3), (3,)),
                     ((0,), (0,))]),
    *both("vecdot", [((3, 4), (3, 4), {"axis": 0}), ((3, 4), (5, 3, 4), {"axis": -2}),
                     ((3, 4), (5, 3, 4), {"axis": -2, "keepdims": True}),
                     ((2, 3), (2, 3), {"keepdims": True}),
                     ((3, 4), (5, 4, 3), {"axes": [0, 2]}),
                     ((3, 4), (5, 4, 3), {"axes": [(0,), (-1,), ()]}),
                     ((3, 4), (5, 4, 3), {"axes": [0, 2], "keepdims": True}),
                     ((3, 4), (5, 4, 3), {"axes": [0, 2, 0], "keepdims": True})]),
    # products
    *both("dot", DOT),
    Sample("dot", (2.0, normal(3)), float32=False),
    Sample("dot", ([1.0, 2.0], normal(2, 3)), float32=False),
    Sample("dot", (normal(2, 2, 3), [[1.0], [2.0], [3.0]]), float32=False),
    *both("vdot", [((3,), (3,)), ((2, 3), (6,)), ((6,), (3, 2)), ((), ()), ((0,), (0, 3)),
                   ((2, 3), (2, 3))]),
    *both("inner", INNER),
    *both("outer", OUTER),
    *both("tensordot", TENSORDOT),
    *both("kron", KRON),
    *both("cross", CROSS),
    # einsum
    *(Sample("einsum", (text, *operands(shapes))) for text, *shapes in EINSUM),
    *(Sample("einsum", (text, *operands(shapes, complex_normal))) for text, *shapes in EINSUM[::3]),
    *(Sample("einsum", (text, *operands(shapes)), {"optimize": optimize})
      for text, *shapes in [EINSUM[0], EINSUM[3], *EINSUM[22:30]]
      for optimize in (True, "optimal")),
    Sample("einsum", ("ij,jk,kl->il", A, B, C), {"optimize": PATH}),
    Sample("einsum", ("ij,jk", A, normal(3, 4) > 0), {"order": "F"}),
    Sample("einsum", ("ij,jk", A, complex_normal(3, 4)), {"dtype": np.complex128}, float32=False),
    Sample("einsum", ("ij,j", A, [1, 2, 3]), {"casting": "same_kind"}, float32=False),
    *(Sample("einsum", args) for args in INTERLEAVED),
    Sample("einsum", INTERLEAVED[3], {"optimize": True}),
    # convolution
    *(Sample(name, (normal(a), normal(v, seed=1)), {"mode": mode})
      for name in ("convolve", "correlate") for mode in SAME for a, v in LENGTHS),
    *(Sample(name, (complex_normal(a), complex_normal(v, seed=1)), {"mode": mode})
      for name in ("convolve", "correlate") for mode in SAME for a, v in LENGTHS[:4]),
    Sample("convolve", (normal(), normal(3))),
    *(Sample(name, (normal(4), normal(3))) for name in ("convolve", "correlate")),
    Sample("convolve", ([1.0, 2.0], normal(3), "same"), float32=False),
    # interpolation
    *(Sample("interp", (X, POINTS, VALUES), kwargs, fixed=fixed, float32=False)
      for fixed, kwargs in FIXED),
    Sample("interp", (X.reshape(7, 1), POINTS, VALUES), {"left": 1.0}, float32=False),
    Sample("interp", (X, POINTS, VALUES), {"right": 1.0}, float32=False),
    Sample("interp", (X, POINTS, VALUES, normal(), normal(seed=1)), float32=False),
    Sample("interp", (X, POINTS, complex_normal(5)), float32=False),
    Sample("interp", (X, POINTS[[3, 0, 4, 1, 2]], VALUES), {"period": 2.7}, float32=False),
    Sample("interp", (X, POINTS, VALUES, 1.0, 2.0), {"period": -4.4}, float32=False),
    Sample("interp", (np.array(0.3), POINTS, VALUES), float32=False),
    Sample("interp", (0.3, POINTS, VALUES), float32=False),
    Sample("interp", (X, list(POINTS), VALUES), float32=False),
    Sample("interp", (np.array([0.5, -1.0, 2.0]), np.array([0.7]), np.array([1.5])), float32=False),
    Sample("interp", (normal(0), POINTS, VALUES), float32=False),
    # polynomials
    *(Sample("vander", (distinct(4),), kwargs, float32=False)
      for kwargs in ({}, {"N": 2}, {"N": 5, "increasing": True}, {"increasing": True})),
    *(Sample("vander", (distinct(3), n), orders=1, float32=False) for n in (0, 1)),
    Sample("vander", (complex_normal(3),), float32=False),
    Sample("vander", (np.array([0.0, 1.0]), 4), float32=False),
]  # fmt: skip
if hasattr(np, "matvec"):
    SAMPLES += [
        *both("matvec", [((2, 3), (3,)), ((5, 2, 3), (3,)), ((2, 3), (4, 3)),
                         ((4, 1, 2, 3), (5, 3)), ((0, 3), (3,)), ((2, 0), (0,))]),
        *both("matvec", [((3, 5, 2), (5, 3), {"axes": [(2, 0), 1, 0]})]),
        *both("vecmat", [((3,), (3, 2)), ((3,), (5, 3, 2)), ((4, 3), (3, 2)),
                         ((5, 3), (4, 1, 3, 2)), ((3,), (3, 0)), ((0,), (0, 2))]),
        *both("vecmat", [((3, 5), (2, 5, 3), {"axes": [0, (2, 0), 0]})]),
    ]  # fmt: skip
