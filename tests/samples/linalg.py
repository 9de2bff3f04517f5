"""Samples of fastgrad.functions.linalg.

What reads one triangle alone, and what depends on phases, is differentiated in
tests/rows/test_conventions_linalg.py; here its values are tested.
"""

import numpy as np

from fastgrad._core.protocols import value
from fastgrad.functions.decompositions import upper_inverse
from fastgrad.functions.linalg import cofactors
from samples.sample import Sample, complex_normal, distinct, normal, positive_definite


def hermitian(*shape, seed=0):
    """Complex Hermitian matrices with eigenvalues that are positive and apart."""
    q, _ = np.linalg.qr(complex_normal(*shape, seed=seed))
    return np.asarray((q * (1 + np.arange(shape[-1]))) @ q.conj().swapaxes(-1, -2))


def of_triangle(function):
    """That function of the upper triangle, which has ones added to the diagonal."""
    return lambda a: function(np.triu(a) + np.eye(a.shape[-1], dtype=np.int8))


def of_det(a, function):
    """A function of `a` and its determinant."""
    return function(a, np.linalg.det(value(a)))


def regular(*shape, seed=0):
    """Matrices that are well conditioned, with singular values that are apart."""
    u, _, vh = np.linalg.svd(normal(*shape, seed=seed), full_matrices=False)
    return np.asarray((u * (1 + np.arange(u.shape[-1])[::-1])) @ vh)


def complex_regular(*shape, seed=0):
    u, _, vh = np.linalg.svd(complex_normal(*shape, seed=seed), full_matrices=False)
    return np.asarray((u * (1 + np.arange(u.shape[-1])[::-1])) @ vh)


def real_eigenvalues(*shape, seed=0):
    """Matrices that are not symmetric, with real eigenvalues that are apart."""
    v = regular(*shape, seed=seed)
    return np.asarray((v * (1 + np.arange(shape[-1]))) @ np.linalg.inv(v))


SINGULAR = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [5.0, 7.0, 9.0]])  # rank 2: det is 0
SQUARE = [(1, 1), (2, 2), (3, 3), (2, 3, 3), (2, 1, 2, 2), (0, 2, 2)]
SHAPES = [*SQUARE, (3, 2), (2, 4), (2, 3, 2), (3, 1)]
BOTH = (regular, complex_regular)

VECTOR_ORDERS = [None, 2, 1, 0, 3, 2.5, 0.5, -1, -2, np.inf, -np.inf]
MATRIX_ORDERS = [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf]


def uneven(*shape):
    """Numbers whose absolute values are apart from each other and from zero."""
    return distinct(*shape) + 0.03


def norms():
    """Samples of the norms; second derivatives but of those that pick an element by comparison."""
    vectors = {(3,): {}, (2, 3): {"axis": 1}, (3, 2, 2): {"axis": 0, "keepdims": True}}
    matrices = {
        (3, 2): {}, (2, 3): {"axis": (1, 0)}, (2, 3, 4): {"axis": (0, 2)},
        (4, 2, 3): {"axis": (-1, 0), "keepdims": True},
    }  # fmt: skip
    for order in VECTOR_ORDERS:
        for shape, kwargs in vectors.items():
            yield Sample("norm", (uneven(*shape),), {"ord": order, **kwargs})
        yield Sample("norm", (complex_normal(4),), {"ord": order})
        yield Sample("vector_norm", (uneven(2, 3),), {"ord": order})
        yield Sample("vector_norm", (uneven(2, 3, 2),), {"ord": order, "axis": (0, -1)})
        yield Sample(
            "vector_norm", (complex_normal(2, 3),), {"ord": order, "axis": 0, "keepdims": True}
        )
    for order in MATRIX_ORDERS:
        for shape, kwargs in matrices.items():
            yield Sample("norm", (normal(*shape),), {"ord": order, **kwargs})
        yield Sample("norm", (complex_normal(3, 2),), {"ord": order, "axis": (0, 1)})
        if order is not None:
            yield Sample("matrix_norm", (normal(2, 3),), {"ord": order})
            yield Sample("matrix_norm", (normal(4, 2, 3),), {"ord": order, "keepdims": True})
            yield Sample("matrix_norm", (complex_normal(3, 3),), {"ord": order})
    yield Sample("norm", (normal(),))
    yield Sample("norm", (normal(2, 3, 2),))
    yield Sample("norm", (normal(2, 3, 2),), {"keepdims": True})
    yield Sample("norm", (normal(0, 3),), {"axis": 1})
    yield Sample("norm", (normal(0),))
    yield Sample("vector_norm", (normal(2, 3),), {"keepdims": True})
    yield Sample("matrix_norm", (normal(4, 2, 3),))


SAMPLES = [
    # products
    *(Sample(name, args)
      for name in ("matmul", "vecdot")
      for args in [(normal(3, 3), normal(3)), (complex_normal(2, 3, 3), normal(3, 3))]),
    Sample("vecdot", (complex_normal(3, 2), complex_normal(4, 3, 2, seed=1)), {"axis": -2}),
    Sample("outer", (normal(2), normal(3))),
    Sample("outer", (complex_normal(2), normal(3))),
    Sample("cross", (normal(2, 3), normal(3))),
    Sample("cross", (normal(3, 2), complex_normal(3, 2)), {"axis": 0}),
    Sample("tensordot", (normal(2, 3, 4), normal(3, 4, 2))),
    Sample("tensordot", (normal(2, 3, 4), complex_normal(4, 3, 5)), {"axes": ([1, 2], [1, 0])}),
    *(Sample("trace", (normal(*shape),), kwargs)
      for shape in [(3, 3), (2, 3, 4)] for kwargs in ({}, {"offset": 1}, {"offset": -1})),
    Sample("trace", (complex_normal(3, 3),)),
    Sample("trace", (normal(3, 3),), {"dtype": np.float64}, float32=False),
    *(Sample("diagonal", (normal(2, 3, 4),), kwargs) for kwargs in ({}, {"offset": 1})),
    *(Sample("matrix_transpose", (normal(*shape),)) for shape in [(2, 3), (4, 2, 3)]),
    *(Sample("multi_dot", ([make(*shape, seed=seed) for seed, shape in enumerate(shapes)],))
      for make in (normal, complex_normal)
      for shapes in [[(2, 3), (3, 4)], [(2, 3), (3, 4), (4, 2)], [(3,), (3, 4), (4, 2), (2, 3)],
                     [(2, 3), (3, 4), (4, 5), (5,)], [(3,), (3, 4), (4,)], [(3,), (3,)],
                     [(3,), (3, 2)]]),
    Sample("multi_dot", ([normal(2, 3), [[1.0], [2.0], [3.0]], normal(1, 2)],), float32=False),
    *(Sample("matrix_power", (make(*shape), n))
      for make in BOTH for n in (0, 1, 2, 3, 4, 5, 7, -1, -2, -3) for shape in [(3, 3)]),
    *(Sample("matrix_power", (regular(*shape), n)) for shape in SQUARE[3:] for n in (0, 3, -2)),
    # inverses and solving
    *(Sample("inv", (make(*shape),)) for make in BOTH for shape in [*SQUARE, (0, 0)]),
    *(Sample("pinv", (make(*shape),)) for make in BOTH for shape in SHAPES),
    Sample("pinv", (regular(3, 2),), {"rcond": 1e-10}),
    Sample("pinv", (regular(3, 2),), {"rtol": 1e-10}),
    *(Sample("pinv", (make(3, 3),), {"hermitian": True}, orders=0)
      for make in (positive_definite, hermitian)),
    *(Sample("det", (make(*shape),)) for make in BOTH for shape in [*SQUARE, (0, 0)]),
    # singular ones; that the shapes differ makes them other samples
    Sample("det", (SINGULAR[None],)),
    Sample("det", (np.stack([[SINGULAR], [regular(3, 3)]]),)),
    Sample("det", (np.array([[[1.0, 2.0], [2.0, 4.0]]]),)),
    Sample("det", (np.zeros((1, 1, 1)),), orders=1),
    Sample("det", (np.zeros((1, 1, 2, 2)),), orders=1),
    Sample("det", (SINGULAR[None] + 0j,), orders=1),
    Sample("det", ((complex_normal(4, 3) @ complex_normal(3, 4)),)),
    *(Sample("slogdet", (make(*shape),)) for make in BOTH for shape in [*SQUARE, (0, 0)]),
    *(Sample("solve", (make(*a), normal(*b)))
      for make in BOTH
      for a, b in [((2, 2), (2,)), ((3, 3), (3, 2)), ((2, 3, 3), (3,)), ((2, 3, 3), (3, 2)),
                   ((3, 3), (2, 3, 1)), ((2, 1, 2, 2), (3, 2, 2)), ((1, 1), (1,)), ((0, 0), (0,)),
                   ((2, 2), (2, 0))]),
    Sample("solve", (regular(2, 2), complex_normal(2))),
    Sample("solve", (regular(2, 2), [1.0, 2.0]), float32=False),
    Sample("solve", ([[1.0, 2.0], [3.0, 5.0]], normal(2)), float32=False),
    *(Sample("lstsq", (make(*a), normal(*b)))
      for make in BOTH
      for a, b in [((4, 2), (4,)), ((4, 2), (4, 3)), ((3, 3), (3,)), ((2, 3), (2, 2)),
                   ((2, 4), (2,)), ((3, 1), (3, 1))]),
    Sample("lstsq", (regular(4, 2), complex_normal(4))),
    Sample("lstsq", (regular(4, 2), normal(4)), {"rcond": -1}),
    Sample("lstsq", (regular(4, 2), normal(4)), {"rcond": 1e-8}),
    *(Sample("tensorinv", (make(*shape),), kwargs)
      for make in (normal, complex_normal)
      for shape, kwargs in [((2, 3, 6), {}), ((6, 3, 2), {"ind": 1}), ((4, 2, 2, 4), {"ind": 2}),
                            ((2, 2, 3, 12), {"ind": 3})]),
    *(Sample("tensorsolve", (make(*a), normal(*b)), kwargs)
      for make in (normal, complex_normal)
      for a, b, kwargs in [((2, 3, 6), (2, 3), {}), ((6, 2, 3), (6,), {}),
                           ((2, 6, 3), (6,), {"axes": (0, 2)}),
                           ((4, 2, 2, 4), (2, 4), {"axes": (2, 0)}),
                           ((4, 2, 2, 4), (2, 4), {"axes": (0, 2)})]),
    # decompositions
    *(Sample("cholesky", (make(*shape),), kwargs, orders=0)
      for make in (positive_definite, hermitian) for shape in SQUARE
      for kwargs in ({}, {"upper": True})),
    *(Sample("qr", (make(*shape),), kwargs)
      for make in BOTH for shape in SHAPES for kwargs in ({}, {"mode": "r"})),
    *(Sample("qr", (make(*shape), "complete")) for make in BOTH for shape in [(3, 3), (2, 3)]),
    Sample("qr", (regular(3, 2), "complete"), orders=0),
    Sample("qr", (regular(3, 2), "raw"), orders=0),
    *(Sample(name, (make(*shape),), kwargs, orders=0)
      for name in ("eigh", "eigvalsh") for make in (positive_definite, hermitian)
      for shape in SQUARE for kwargs in ({}, {"UPLO": "U"})),
    *(Sample("eig", (real_eigenvalues(*shape),)) for shape in SQUARE),
    *(Sample("eig", (complex_regular(*shape),), orders=0) for shape in SQUARE),
    Sample("eig", (np.array([[[0.0, 1.0], [-1.0, 0.5]]]),), orders=0),
    *(Sample("eigvals", (make(*shape),)) for make in BOTH for shape in SQUARE),
    Sample("eigvals", (real_eigenvalues(4, 4),)),
    *(Sample("svd", (regular(*shape),), {"full_matrices": False}) for shape in SHAPES),
    *(Sample("svd", (regular(*shape),)) for shape in SQUARE),
    *(Sample("svd", (regular(*shape),), orders=0) for shape in SHAPES[6:]),
    *(Sample("svd", (complex_regular(*shape),), {"full_matrices": full}, orders=0)
      for shape in SHAPES for full in (True, False)),
    *(Sample("svd", (make(*shape),), {"compute_uv": False}) for make in BOTH for shape in SHAPES),
    *(Sample("svd", (make(3, 3),), {"hermitian": True, "compute_uv": uv}, orders=0)
      for make in (positive_definite, hermitian) for uv in (True, False)),
    *(Sample("svdvals", (make(*shape),)) for make in BOTH for shape in SHAPES),
    # norms
    *norms(),
    *(Sample("cond", (make(*shape),), {"p": p})
      for make in BOTH for shape in [(3, 3), (2, 2, 2)] for p in MATRIX_ORDERS),
    *(Sample("cond", (regular(*shape), p)) for shape in [(3, 2), (2, 3)] for p in (None, 2, -2)),
]  # fmt: skip
SAMPLES = [
    Sample("linalg." + s.name, s.args, s.kwargs, s.orders, s.fixed, s.rtol, s.float32)
    for s in SAMPLES
]
SAMPLES += [
    Sample(
        "linalg.cofactors",
        (regular(*shape),),
        forward=lambda a: of_det(a, cofactors.forward),
        function=lambda a: of_det(a, cofactors),
    )
    for shape in [(3, 3), (2, 2, 2)]
]
SAMPLES += [
    Sample("linalg.upper_inverse", (make(*shape),), forward=of_triangle(np.linalg.inv),
           function=of_triangle(upper_inverse)) for make in BOTH for shape in [(3, 3), (2, 3, 3)]
]  # fmt: skip
