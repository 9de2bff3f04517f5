"""Samples of fastgrad.functions.elementwise."""

from dataclasses import replace

import numpy as np

from fastgrad.functions.choosing import clip_by_position, nan_to_num_copied
from samples.sample import Sample, complex_normal, distinct, normal, uniform

# A domain away from kinks and cuts for the real functions of one operand.
ANYWHERE = """
    negative positive square exp exp2 expm1 sin cos arctan sinh cosh tanh arcsinh degrees rad2deg
    radians deg2rad sinc i0 real imag conjugate angle
"""
DOMAINS = {
    **dict.fromkeys(ANYWHERE.split(), lambda *shape: normal(*shape)),
    **dict.fromkeys("absolute fabs sign".split(), lambda *shape: distinct(*shape)),
    **dict.fromkeys("tan arcsin arccos arctanh".split(), lambda *shape: uniform(-0.9, 0.9, *shape)),
    **dict.fromkeys("arccosh".split(), lambda *shape: uniform(1.1, 3, *shape)),
    **dict.fromkeys(
        "reciprocal sqrt cbrt log log2 log10 log1p".split(), lambda *shape: uniform(0.5, 2, *shape)
    ),
}
COMPLEX = """
    negative positive square reciprocal sqrt exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin
    arccos arctan sinh cosh tanh arcsinh arccosh arctanh sinc absolute sign real imag conjugate
    angle
"""
STEPS = "floor ceil rint trunc fix round around spacing".split()
BINARY = "add subtract multiply".split()
TIE_FREE = "maximum minimum fmax fmin hypot arctan2 logaddexp logaddexp2".split()
DIVISIONS = "floor_divide remainder fmod divmod".split()
SHAPES = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (3,)), ((), (2, 2)), ((0, 3), (3,)), ((), ())]

# With quotients not near to an integer, of any sign.
QUOTIENTS = np.array([[2.3, -1.6, 0.4], [-0.8, 1.7, -3.2]])
DIVISORS = np.array([[0.7, 1.3, -0.9], [-1.1, 0.6, 1.7]])

PARTS_INFINITE = np.array([complex(np.inf, 1), complex(1, np.nan), 2 + 1j, complex(0, -np.inf)])
SOME_INFINITE = np.array([np.inf, 1.0, np.nan, -np.inf])

arithmetic = [
    *(Sample(name, (normal(2, 3), normal(2, 3, seed=1))) for name in BINARY),
    *(Sample(name, (normal(2, 3), normal(3, seed=1))) for name in BINARY),
    *(Sample(name, (complex_normal(2, 3), normal(2, 1))) for name in BINARY),
    *(Sample(name, (normal(), 2.5)) for name in BINARY),
    *(Sample(name, (normal(0, 3), normal(3))) for name in [*BINARY, "divide"]),
    Sample("divide", (normal(2, 3), uniform(1, 2, 2, 3))),
    Sample("divide", (complex_normal(2, 3), uniform(1, 2, 3))),
    Sample("divide", (normal(3), complex_normal(2, 3))),
    Sample("divide", (1.5, uniform(1, 2, 2, 3))),
    Sample("divide", (uniform(1, 2, 2, 3), 3)),
    Sample("subtract", (normal(2, 3), normal(3)), {"dtype": "complex128"}, float32=False),
]
one_operand = [
    *(Sample(name, (domain(*shape),))
      for name, domain in DOMAINS.items() for shape in [(2, 3), (), (0, 2)]),
    *(Sample(name, (complex_normal(2, 3),)) for name in COMPLEX.split()),
    # Right, left, above and below of the branch points.
    *(Sample(name, (complex_normal(12, seed=2) * 3,)) for name in "sqrt log angle".split()),
    *(Sample(f"arc{name}", (complex_normal(12, seed=3) * 3,)) for name in
      "sin cos tan sinh cosh tanh".split()),
    Sample("cbrt", (-uniform(0.5, 2, 3),)),
    Sample("angle", (complex_normal(3), True)),
    Sample("angle", (complex_normal(3),), {"deg": True}),
    Sample("angle", (np.array([-1.0, 2.0]),)),
    Sample("sinc", (np.array([0.0, 1e-9, -1e-3, 0.2, 0.5, 1.0, 7.3]),)),
    Sample("i0", (np.array([0.0, 1e-9, 0.3, -4.0, 7.9, 8.1, -12.0]),)),
    Sample("real_if_close", (complex_normal(2, 3),)),
    Sample("real_if_close", (normal(2, 3),)),
    # Real for tol > 1, and still complex with differences added.
    Sample("real_if_close", (complex_normal(2),), {"tol": 0.5}),
    Sample("unwrap", (np.cumsum(uniform(1, 2.5, 9)) % (2 * np.pi),)),
    Sample("unwrap", (np.cumsum(uniform(1, 2.5, 4, 9), axis=1) % 6, 4.0), {"period": 6}),
    Sample("unwrap", (np.cumsum(uniform(1, 2.5, 4, 9), axis=0) % (2 * np.pi),), {"axis": 0}),
    Sample("unwrap", (normal(2, 0),)),
]  # fmt: skip
powers = [
    *(Sample("power", (uniform(0.5, 2, *a), normal(*b))) for a, b in SHAPES),
    *(Sample("power", (normal(2, 3), e)) for e in (0, 1, 2, 3, -1, 2.0, True)),
    Sample("power", (np.array([0.0, -0.5, 2.0]), 2)),
    Sample("power", (np.array([0.0, -0.5, 2.0]), np.array([3, 2, 0])), float32=False),
    Sample("power", (uniform(0.5, 2, 3), 0.5)),
    Sample("power", (uniform(0.5, 2, 3), -1.5)),
    Sample("power", (2, normal(2, 3))),
    Sample("power", (np.array([1, 2, 3]), normal(2, 3)), float32=False),
    Sample("power", (complex_normal(3), 3)),
    Sample("power", (complex_normal(3), 2 - 1j)),
    Sample("power", (complex_normal(3), complex_normal(3, seed=1))),
    Sample("power", (uniform(0.5, 2, 2, 3), complex_normal(3))),
    *(Sample("float_power", (uniform(0.5, 2, *a), normal(*b)), float32=False) for a, b in SHAPES),
    Sample("float_power", (normal(2, 3), 3), float32=False),
    Sample("float_power", (normal(2, 3), 0), float32=False),
    Sample("float_power", (complex_normal(3), complex_normal(3, seed=1)), float32=False),
]
two_operands = [
    *(Sample(name, (distinct(*a), np.asarray(distinct(*b, seed=1) + 0.05)))
      for name in TIE_FREE for a, b in SHAPES),
    *(Sample(name, (complex_normal(2, 3), complex_normal(3, seed=1))) for name in
      "maximum minimum fmax fmin".split()),
    *(Sample(name, (distinct(2, 3), 0)) for name in TIE_FREE),
    *(Sample(name, (0.55, distinct(2, 3))) for name in TIE_FREE),
    Sample("logaddexp", (np.array([1000.0, -1000.0, -np.inf, 3.0]),
                         np.array([999.0, -1001.0, 2.0, -np.inf]))),
    *(Sample(name, (QUOTIENTS, DIVISORS)) for name in DIVISIONS),
    *(Sample(name, (QUOTIENTS, DIVISORS[0])) for name in DIVISIONS),
    *(Sample(name, (QUOTIENTS, 0.3)) for name in DIVISIONS),
    *(Sample(name, (7.1, DIVISORS)) for name in DIVISIONS),
    *(Sample(name, (normal(0, 3), uniform(1, 2, 3))) for name in DIVISIONS),
    *(Sample("copysign", (distinct(*a), distinct(*b, seed=1))) for a, b in SHAPES),
    Sample("copysign", (distinct(3), -1)),
    Sample("copysign", (2.0, distinct(3))),
    *(Sample("heaviside", (distinct(*a), normal(*b))) for a, b in SHAPES),
    Sample("heaviside", (np.array([1, 0, -1, 0]), normal(2, 4)), float32=False),
    *(Sample("nextafter", (normal(*a), normal(*b, seed=1)), orders=1) for a, b in SHAPES),
]  # fmt: skip
choosing = [
    Sample("where", (normal(2, 3) > 0, normal(2, 3), normal(3, seed=1))),
    Sample("where", (normal(2, 3) > 0, normal(2, 3), 0.0)),
    Sample("where", (normal(3) > 0, 1.0, normal(2, 3))),
    Sample("where", (True, complex_normal(2, 1), normal(3)), float32=False),
    Sample("where", (normal(2, 3) > 0, normal(), normal())),
    Sample("where", (np.ones((0, 3), bool), normal(3), normal(0, 1))),
    Sample("clip", (distinct(2, 5), -0.4, 0.4)),
    Sample("clip", (distinct(2, 5), np.array([-0.4, -0.6, -0.2, 0.0, 0.2]), 0.4)),
    Sample("clip", (distinct(2, 5), np.array(-0.42), np.array([0.42, 0.62, 0.22, 0.02, 0.22]))),
    Sample("clip", (distinct(2, 5), 0.4, -0.4)),
    Sample("clip", (distinct(2, 5), np.array([0.42, -0.62, 0.22, 0.02, 0.22]), np.array(-0.02))),
    Sample("clip", (distinct(2, 5), None, 0.4)),
    Sample("clip", (distinct(2, 5), 0.0, None)),
    Sample("clip", (distinct(2, 5), -0.4), {"a_max": None}),
    Sample("clip", (distinct(2, 5), -0.4, 0.4), {"dtype": "float64"}, float32=False),
    Sample("clip", (distinct(), -0.5, 0.4)),
    Sample("clip", (distinct(0, 2), -0.5, 0.4)),
    Sample("nan_to_num", (normal(2, 3),)),
    Sample("nan_to_num", (normal(),)),
    Sample("nan_to_num", (normal(0, 3),)),
    Sample("nan_to_num", (SOME_INFINITE, True, 7.0), {"posinf": 3.0, "neginf": -2.0}, orders=0),
    Sample("nan_to_num", (PARTS_INFINITE,), orders=0),
    Sample("nan_to_num", (complex_normal(3),)),
]
steps = [
    *(Sample(name, (x + 0.03,), orders=1)
      for name in STEPS for x in (distinct(2, 3), distinct(1), normal(0, 3))),
    *(Sample(name, (np.asarray(0.13),), orders=1) for name in STEPS),
    *(Sample(name, (distinct(2, 3) + 0.03, 1), orders=1) for name in ("round", "around")),
    Sample("round", (distinct(2, 3) * 100 + 3.0,), {"decimals": -1}, orders=1),
    Sample("round", (0.03 + distinct(2, 3) + 1j * distinct(2, 3) - 0.06j,), orders=1),
    Sample("modf", (distinct(2, 5) * 3 + 0.03,)),
    Sample("modf", (np.asarray(0.13),)),
    Sample("frexp", (distinct(2, 5) * 7,)),
    Sample("frexp", (np.asarray(5.3),)),
    Sample("frexp", (normal(0, 2),)),
    Sample("ldexp", (normal(2, 3), np.array([3, -2, 0]))),
    Sample("ldexp", (normal(3), np.array([[3], [-2]]))),
    Sample("ldexp", (normal(), 5)),
    Sample("ldexp", (normal(0, 3), 2)),
]  # fmt: skip
# The rows that are called with their arguments in order, for second derivatives.
if np.lib.NumpyVersion(np.__version__) >= "2.1.0":
    choosing += [
        Sample("clip", (distinct(2, 5),), {"min": -0.4, "max": 0.4}),
        Sample("clip", (distinct(2, 5),), {"max": 0.0}),
    ]
ROWS = {"clip": clip_by_position, "nan_to_num": nan_to_num_copied}
rows = [
    replace(sample, name=f"row_of_{sample.name}", function=ROWS[sample.name])
    for sample in choosing
    if sample.name in ROWS and "max" not in sample.kwargs
]
SAMPLES = [*arithmetic, *one_operand, *powers, *two_operands, *choosing, *steps, *rows]
