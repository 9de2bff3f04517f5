"""Programs of rows, checked: against PyTorch, or against differences, and against themselves."""

from __future__ import annotations

import numpy as np
from helpers import same_bits

from fastgrad import Variable, gradients
from fuzz.rows import FASTGRAD, NUMPY, Program, program

STEP = 1e-10  # by which the leaves are moved, to see how much rounding moves the result


def first_order(p: Program, leaves):
    """The value, and the gradient for each leaf."""
    vs = [Variable(x) for x in leaves]
    y = p.value(FASTGRAD, vs)
    return y.data, [zeros_for(g, v) for g, v in zip(gradients(y, vs), vs, strict=True)]


def second_order(p: Program, leaves, directions):
    """The gradient for each leaf of the inner product of the gradient with the directions."""
    vs = [Variable(x) for x in leaves]
    gxs = gradients(p.value(FASTGRAD, vs), vs, create_graph=True)
    inner = sum(FASTGRAD.sum(g * d) for g, d in zip(gxs, directions, strict=True) if g is not None)
    if not isinstance(inner, Variable) or not inner.requires_grad:
        return [np.zeros_like(x) for x in leaves]
    return [zeros_for(g, v) for g, v in zip(gradients(inner, vs), vs, strict=True)]


def zeros_for(g, v):
    return np.zeros(v.shape) if g is None else g


def moved(leaves, rng, step=STEP):
    """The leaves, each element moved by up to that step."""
    return [np.asarray(x + step * rng.uniform(-1, 1, x.shape)) for x in leaves]


def close(actual, expected, nearby, what):
    """Compare, with a tolerance that the program itself gives.

    The rounding of a few thousand operations acts as if the leaves were moved by some 1e-12 of
    their size: that moves the result by less than moving them by `STEP` does. A kink nearby, on
    whose sides the two may stand, makes that large, and the comparison void. So does a NaN of
    PyTorch's (the second derivative of its sinc at 0): ours has to be a number all the same.
    """
    for a, b, c in zip(actual, expected, nearby, strict=True):
        assert a.shape == b.shape, what
        assert np.all(np.isfinite(a)), f"{what}: {a}"
        b = np.where(np.isnan(b), a, b)
        scale = max(1.0, float(np.max(np.abs(b), initial=0.0)))
        tolerance = 1e-9 * scale + 10 * float(np.max(np.abs(a - c), initial=0.0))
        error = float(np.max(np.abs(a - b), initial=0.0))
        assert error <= tolerance, f"{what}: off by {error}, tolerance {tolerance}\n{a}\n{b}"


def check_itself(p: Program):
    """What needs no other library: the value, and every kind of backward against the others."""
    vs = [Variable(x) for x in p.leaves]
    y = p.value(FASTGRAD, vs)
    np.testing.assert_allclose(y.data, p.value(NUMPY, p.leaves), rtol=1e-9, atol=1e-9)
    functional = gradients(y, vs)  # by another walk: its roundings are its own
    found = []
    for options in ({}, {"retain_grad": True}, {"create_graph": True}, {"retain_graph": False}):
        for v in vs:
            v.cleargrad()
        y.backward(**options)
        gxs = [v.grad.data if isinstance(v.grad, Variable) else v.grad for v in vs]
        found.append([zeros_for(g, v) for g, v in zip(gxs, vs, strict=True)])
    plain, retained, recorded, freed = found
    for several in zip(plain, retained, freed, recorded, functional, strict=True):
        assert same_bits(several[0], several[1])
        assert same_bits(several[0], several[2])
        for other in several[3:]:
            scale = np.max(np.abs(several[0]), initial=1)
            np.testing.assert_allclose(other, several[0], rtol=1e-9, atol=1e-9 * scale)


def check_by_differences(p: Program):
    """First derivatives along a random direction against central differences."""
    rng = np.random.default_rng(p.seed)
    dxs = [np.asarray(rng.normal(size=x.shape)) for x in p.leaves]
    _, gxs = first_order(p, p.leaves)
    derivative = sum(float(np.sum(g * dx)) for g, dx in zip(gxs, dxs, strict=True))
    found = []
    for h in (1e-4, 1e-5, 1e-6):
        up, down = (
            float(
                p.value(
                    NUMPY, [np.asarray(x + s * h * dx) for x, dx in zip(p.leaves, dxs, strict=True)]
                )
            )
            for s in (1, -1)
        )
        found.append((up - down) / (2 * h))
    # At a kink, differences of different steps disagree, and say nothing.
    scale = max(1.0, abs(derivative), *(float(np.max(np.abs(g), initial=0)) for g in gxs))
    spread = max(found) - min(found)
    error = min(abs(derivative - d) for d in found)
    assert error <= 1e-6 * scale + 2 * spread, f"{derivative!r}, by differences {found!r}"


def check_by_torch(p: Program, *, second: bool):
    """Value, gradients, and perhaps the gradients of their inner products, against PyTorch's."""
    from fuzz.by_torch import TORCH, torch_gradients

    rng = np.random.default_rng(p.seed)
    near = moved(p.leaves, rng)
    directions = [np.asarray(rng.normal(size=x.shape)) for x in p.leaves]
    expected_value, expected, expected_second = torch_gradients(
        lambda xs: p.value(TORCH, xs), p.leaves, directions if second else None
    )
    value, gxs = first_order(p, p.leaves)
    near_value, near_gxs = first_order(p, near)
    close([value], [expected_value], [near_value], "value")
    close(gxs, expected, near_gxs, "gradient")
    if second:
        close(second_order(p, p.leaves, directions), expected_second,
              second_order(p, near, directions), "second derivative")  # fmt: skip


def check(seed: int, torch: bool):
    """All checks of the program of that seed; an AssertionError tells the program."""
    p = program(seed)
    try:
        check_itself(p)
        check_by_differences(p)
        if torch:
            check_by_torch(p, second=seed % 3 == 0)
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error}\n{p}") from error
