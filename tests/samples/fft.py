"""Samples of fastgrad.functions.fft."""

from samples.sample import Sample, complex_normal, normal

NORMS = "backward ortho forward".split()
COMPLEX, FROM_REAL, TO_REAL = "fft ifft".split(), "rfft ihfft".split(), "irfft hfft".split()
ONE_AXIS = [
    {},
    *({"norm": norm} for norm in NORMS),
    *({"n": n} for n in (1, 2, 3, 6, 7)),
    {"axis": 0},
    {"axis": 1, "n": 8, "norm": "forward"},
    {"axis": -2, "n": 2, "norm": "ortho"},
]
PLANE = [
    {},
    *({"norm": norm} for norm in NORMS),
    {"s": (2, 3)},
    {"s": (5, 6), "norm": "ortho"},
    {"s": (4, 7), "axes": (1, 0)},
    {"s": (-1, 6), "axes": (-1, -3)},
    {"s": (3, -1), "axes": (0, 1), "norm": "forward"},
    {"axes": (0, 2)},
]
MANY = [
    *(kwargs for kwargs in PLANE if "s" not in kwargs or "axes" in kwargs),
    {"axes": (2,)},
    {"axes": (0, 1, 2)},
    {"axes": (1, 2, 0), "s": (3, 3, 3)},
]


def samples(name, kwargs, makes):
    return [Sample(name, (make(3, 4, 5),), kwargs) for make in makes]


BOTH = (normal, complex_normal)
SAMPLES = [
    *(s for name in COMPLEX for kwargs in ONE_AXIS for s in samples(name, kwargs, BOTH)),
    *(s for name in FROM_REAL for kwargs in ONE_AXIS for s in samples(name, kwargs, BOTH[:1])),
    *(s for name in TO_REAL for kwargs in ONE_AXIS for s in samples(name, kwargs, BOTH)),
    *(Sample(name, (make(n),)) for name in COMPLEX for make in BOTH for n in (1, 2, 4)),
    *(Sample(name, (normal(n),)) for name in FROM_REAL for n in (1, 2, 4)),
    *(Sample(name, (make(n),)) for name in TO_REAL for make in BOTH for n in (2, 3, 4)),
    *(Sample(name, (complex_normal(1),), {"n": 1}) for name in TO_REAL),
    *(Sample(name, (normal(0, 3),)) for name in [*COMPLEX, *FROM_REAL, *TO_REAL]),
    *(s for name in ("fft2", "ifft2") for kwargs in PLANE for s in samples(name, kwargs, BOTH)),
    *(s for name in ("fftn", "ifftn") for kwargs in MANY for s in samples(name, kwargs, BOTH)),
    *(Sample(name, (make(6),)) for name in ("fftn", "ifftn") for make in BOTH),
    *(s for kwargs in PLANE for s in samples("rfft2", kwargs, BOTH[:1])),
    *(s for kwargs in PLANE for s in samples("irfft2", kwargs, BOTH)),
    *(s for kwargs in MANY for s in samples("rfftn", kwargs, BOTH[:1])),
    *(s for kwargs in MANY for s in samples("irfftn", kwargs, BOTH)),
    *(Sample(name, (normal(5),)) for name in ("rfftn", "irfftn")),
    *(
        s
        for name in ("fftshift", "ifftshift")
        for kwargs in ({}, {"axes": 1}, {"axes": (0, -1)}, {"axes": ()})
        for s in samples(name, kwargs, BOTH)
    ),
]
SAMPLES = [
    Sample("fft." + s.name, s.args, s.kwargs, layouts=s.kwargs == {}, orders=s.orders)
    for s in SAMPLES
]
