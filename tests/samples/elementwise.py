"""Samples of fastgrad.functions.elementwise."""

from samples.sample import Sample, complex_normal, distinct, normal, uniform

BINARY = "add subtract multiply"
SAMPLES = [
    *(Sample(name, (normal(2, 3), normal(2, 3, seed=1))) for name in BINARY.split()),
    *(Sample(name, (normal(2, 3), normal(3, seed=1))) for name in BINARY.split()),
    *(Sample(name, (complex_normal(2, 3), normal(2, 1))) for name in BINARY.split()),
    *(Sample(name, (normal(), 2.5)) for name in BINARY.split()),
    Sample("divide", (normal(2, 3), uniform(1, 2, 2, 3))),
    Sample("divide", (complex_normal(2, 3), uniform(1, 2, 3))),
    Sample("divide", (1.5, uniform(1, 2, 2, 3))),
    *(Sample(name, (normal(2, 3),)) for name in "negative exp tanh".split()),
    *(Sample(name, (complex_normal(3),)) for name in "negative exp tanh".split()),
    Sample("log", (uniform(0.5, 2, 2, 3),)),
    Sample("log", (complex_normal(3),)),
    Sample("floor", (distinct(2, 3) + 0.05,), orders=1),
    Sample("where", (normal(2, 3) > 0, normal(2, 3), normal(3, seed=1))),
    Sample("where", (normal(2, 3) > 0, normal(2, 3), 0.0)),
    Sample("real", (complex_normal(3),)),
    Sample("real", (normal(3),)),
]
