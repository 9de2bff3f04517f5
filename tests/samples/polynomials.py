"""Samples of fastgrad.functions.polynomials."""

import dataclasses

import numpy as np

from samples.sample import Sample, complex_normal, normal, uniform

p, x, c = normal(4), uniform(-2, 2, 5), complex_normal(3)
points = np.linspace(-1, 1, 7) + 0.1 * normal(7)

SINGLE = [
    *(Sample("polyval", (p, x)) for x in (x, normal(2, 3), normal(), c)),
    *(Sample("polyval", (p, x)) for p in (c, normal(1))),
    *(Sample("roots", (p,)) for p in (np.poly([1.0, -2]), normal(4, seed=1), c)),
    Sample("roots", (np.r_[0.0, np.poly([1.0, -2, 3]), 0.0],), orders=0),
    *(Sample("poly", (x,)) for x in (x, c, normal(1))),
    Sample("poly", (np.array([1 + 2j, 1 - 2j]),), orders=0),  # whose result is real
    *(Sample(name, args) for name in ("polyadd", "polysub")
      for args in ((p, c), (c, p), (p, p), (normal(), p))),
    *(Sample("polymul", args) for args in ((p, c), (p, p[:1]))),
    Sample("polymul", (np.r_[0.0, 0.0, p], [1.0, 2.0]), orders=0),
    Sample("polyder", (p, 0)),
]  # fmt: skip
# Where NumPy makes float64 of float32.
DOUBLE = [
    *(Sample("polyval", args) for args in (([1, 2, 3], x), ([2.5], x), (p, 2.0), (p, 3))),
    Sample("roots", (normal(1),)),
    Sample("poly", ([normal(), 2.0],)),
    Sample("poly", (normal(2, 2) + np.diag([0.0, 5.0]),)),
    Sample("polyadd", (p, [1, 2])),
    Sample("polysub", ([1, 2], p)),
    *(Sample("polyder", (p, *rest)) for rest in ((), (2,), (4,))),
    Sample("polyder", (c,), {"m": 1}),
    *(Sample("polyint", (p, *rest)) for rest in ((), (0,), (2, 3.0), (2, normal(2)))),
    Sample("polyint", (c,), {"m": 1, "k": np.array([2.0])}),
    *(Sample("polyfit", (points, y, 2), rtol=1e-5) for y in (normal(7), normal(7, 2))),
    Sample("polyfit", (points, normal(7), 3), {"w": uniform(1, 2, 7), "rcond": 1e-10}, rtol=1e-5),
    Sample("polyfit", (points, normal(7), 0)),
]
SAMPLES = [*SINGLE, *(dataclasses.replace(sample, float32=False) for sample in DOUBLE)]
