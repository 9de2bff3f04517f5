"""What fastgrad.functions.shaping promises beyond the table of samples."""

from __future__ import annotations

import numpy as np
import pytest
from samples.sample import complex_normal, distinct, normal

import fastgrad.numpy as fnp
from fastgrad import Variable
from fastgrad._core.node import Handle
from fastgrad.functions import creation, joining, padding, shapes


def gradient(f, x, w):
    """The gradient of `sum(f(x) * w)`."""
    x = Variable(x)
    y = f(x)
    fnp.sum(y * w).backward()
    return np.zeros(x.shape) if x.grad is None else x.grad


# --- layouts ---

LAYOUTS = [
    normal(2, 3, 4),
    np.asfortranarray(normal(2, 3, 4)),
    normal(2, 3, 4).transpose(1, 0, 2),
    normal(2, 3, 4)[::-1, :, ::2].transpose(2, 0, 1),
    np.broadcast_to(normal(3), (2, 3)),
    np.broadcast_to(normal(2, 1), (4, 2, 3)).transpose(1, 2, 0),
]


@pytest.mark.parametrize("order", "CFAK")
@pytest.mark.parametrize("x", LAYOUTS, ids=lambda x: str(x.strides))
def test_orders_are_those_of_the_layout(x, order):
    """The gradient is the inverse permutation: found by numbering the elements."""
    w = np.arange(1.0, x.size + 1)
    functions = [lambda x: fnp.ravel(x, order), lambda x: fnp.reshape(x, -1, order=order)]
    for f in functions[: 1 if order == "K" else 2]:
        g = gradient(f, x, w)
        assert sorted(g.ravel()) == list(w)
        if 0 not in x.strides:
            assert np.array_equal(np.ravel(laid_out(g, x), order), w)
        assert np.array_equal(f(Variable(x)).data, np.ravel(x)[np.argsort(np.ravel(g))])


def laid_out(g, x):
    """The values of `g` in an array with the strides of `x`."""
    y = np.empty(4 * x.nbytes, np.uint8)
    y = np.ndarray(x.shape, x.dtype, y, 2 * x.nbytes, x.strides)
    y[...] = g
    return y


def test_order_of_an_axis_without_stride_is_numpys():
    """Where elements share memory, `np.nditer` says which comes first."""
    for x in LAYOUTS:
        it = np.nditer(x, ["multi_index"], order="K")
        expected = [it.multi_index for _ in it]
        order = shapes.axes_in_memory(x.strides)
        shape = [x.shape[i] for i in order]
        actual = [tuple(np.array(i)[np.argsort(order)].tolist()) for i in np.ndindex(*shape)]
        flipped = [s < 0 for s in x.strides]  # nditer goes backwards there, ravel does not
        expected = [
            tuple(n - 1 - i if back else i for i, n, back in zip(index, x.shape, flipped,
                                                                 strict=True))
            for index in expected
        ]  # fmt: skip
        assert actual == expected


# --- the VJPs of rows that have no name in NumPy, with Variables ---

HIDDEN = [
    (shapes.reshape_row, (normal(2, 3), (3, 2)), {"order": "F"}),
    (shapes.ravel_row, (normal(2, 3),), {"order": "F"}),
    (joining.concatenate_row, ([normal(2, 3), normal(1, 3)], 0, []), {}),
    (joining.concatenate_row, ([normal(2, 3), normal(1, 3)], None, []), {}),
    (joining.block_row, ([normal(2, 3), normal(2, 1), normal(4)], [[0, 1], [2]], {}), {}),
    (creation.full_like_row, (np.zeros((2, 3), int), normal(3)), {}),
    *(
        (padding.pad_row, (normal(4, 3), ((1, 2), (7, 0)), mode), {})
        for mode in "constant edge linear_ramp mean reflect symmetric wrap empty".split()
    ),
    (padding.pad_row, (normal(4, 3), ((1, 2), (7, 0)), "reflect"), {"reflect_type": "odd"}),
    (padding.pad_row, (complex_normal(4), 2, "mean"), {"stat_length": 2}),
    *(
        (padding.pad_of_order, (distinct(4, 3), ((1, 2), (2, 0)), mode), {"stat_length": 3})
        for mode in "maximum minimum median".split()
    ),
]


@pytest.mark.parametrize("case", range(len(HIDDEN)))
def test_vjp_with_variables_is_that_of_arrays_and_its_transpose_is_right(case):
    row, args, kwargs = HIDDEN[case]
    operands = list(args[0]) if row.sequence else list(args)
    first = [] if row.sequence else [i for i, rule in enumerate(row.vjp) if rule is None]
    y = row(*([Variable(x) for x in operands], *args[1:]) if row.sequence else
            (Variable(x) if isinstance(x, np.ndarray) and i not in first else x
             for i, x in enumerate(args)), **kwargs)  # fmt: skip
    rng = np.random.default_rng(0)
    g, dg = (np.asarray(rng.standard_normal(y.shape)) for _ in range(2))
    for i, x in enumerate(operands):
        if not isinstance(x, np.ndarray) or i in first:
            continue

        def vjp(xp, g, y, i=i):
            if row.sequence:
                xs = [Variable(x) for x in operands] if xp is fnp else operands
                return row.vjp(xp, i, g, y, xs, *args[1:], **kwargs)
            xs = [Variable(x) if xp is fnp and j == i else x for j, x in enumerate(args)]
            return row.vjp[i](xp, g, y, *xs, **kwargs)

        v = Variable(g)
        gx = vjp(fnp, v, y)
        assert isinstance(gx, Handle)
        np.testing.assert_allclose(gx.data, vjp(np, g, y.data), rtol=1e-14)
        w = np.asarray(rng.standard_normal(gx.shape))
        fnp.sum(fnp.real(gx * w)).backward()
        expected = np.sum((vjp(np, dg, y.data) * w).real)
        np.testing.assert_allclose(np.sum(v.grad * dg), expected, rtol=1e-12, atol=1e-12)


# --- pad ---


def test_pad_shares_the_gradient_of_an_extreme_evenly_among_ties():
    for mode, x in (("maximum", [1.0, 5, 5, 0]), ("minimum", [1.0, -5, -5, 0])):
        g = gradient(lambda x, mode=mode: fnp.pad(x, (1, 2), mode), np.array(x), np.ones(7))
        assert g.tolist() == [1, 2.5, 2.5, 1]


def test_pad_median_goes_to_the_middle_of_a_stable_sort():
    g = gradient(lambda x: fnp.pad(x, (1, 0), "median"), np.array([3.0, 1, 1, 1]), np.ones(5))
    assert g.tolist() == [1, 1, 1.5, 1.5]


def test_pad_empty_has_no_gradient_in_the_padding():
    x = Variable(np.array([1.0, 2.0]))
    y = fnp.pad(x, 1, "empty")
    assert y.data[1:3].tolist() == [1, 2]
    fnp.sum(y[1:3] * np.array([3.0, 4.0])).backward()
    assert x.grad.tolist() == [3, 4]
    assert padding.pad_vjp(np, np.arange(4.0), y.data, x.data, 1, "empty").tolist() == [1, 2]


@pytest.mark.parametrize("mode", "constant edge wrap mean maximum".split())
def test_pad_width_by_axis(mode):
    """A dict from axes to widths: NumPy 2.4 and later."""
    x = normal(2, 3)
    try:
        np.pad(x, {-1: (1, 2)})
    except (TypeError, ValueError):
        pytest.skip("not in this version of NumPy")
    for widths, same in (({-1: (1, 2)}, ((0, 0), (1, 2))), ({0: 1}, ((1, 1), (0, 0)))):
        w = normal(*np.pad(x, same).shape)
        actual = gradient(lambda x, widths=widths: fnp.pad(x, widths, mode), x, w)
        expected = gradient(lambda x, same=same: fnp.pad(x, same, mode), x, w)
        assert np.array_equal(actual, expected)


def test_pad_refuses_functions_and_variables_among_its_options():
    x = Variable(normal(3))
    with pytest.raises(TypeError, match=r"np\.pad: a function as the mode .*concatenate"):
        np.pad(x, 1, lambda *_: None)
    with pytest.raises(TypeError):
        np.pad(x, 1, "linear_ramp", end_values=Variable(np.array(1.0)))


def test_pad_of_long_arrays_takes_no_matrix():
    n = 200_000
    for mode, kwargs in (("reflect", {"reflect_type": "odd"}), ("mean", {}), ("wrap", {})):
        g = gradient(
            lambda x, m=mode, k=kwargs: fnp.pad(x, 10, m, **k), np.ones(n), np.ones(n + 20)
        )
        assert np.isclose(g.sum(), n + 20)


# --- arrays of Variables ---


def test_array_of_nested_lists_keeps_gradients():
    a, b = Variable(np.array(2.0)), Variable(np.array([3.0, 4.0]))
    y = fnp.array([[a, 1, a * a], [b[0], np.float32(5), b[1]]])
    assert y.data.tolist() == [[2, 1, 4], [3, 5, 4]]
    fnp.sum(y * np.arange(1.0, 7).reshape(2, 3)).backward()
    assert (a.grad.tolist(), b.grad.tolist()) == (1 + 3 * 4, [4, 6])


@pytest.mark.parametrize("name", "array asarray asanyarray ascontiguousarray require".split())
def test_array_functions_return_a_variable_if_an_element_is_one(name):
    f, numpys = getattr(fnp, name), getattr(np, name)
    assert isinstance(f([[1.0], [Variable(np.array(2.0))]]), Variable)
    assert type(f([[1.0], [2.0]])) is np.ndarray
    matrix = np.ma.array([1.0])
    assert type(f(matrix)) is type(numpys(matrix))


def test_lists_of_variables_among_operands_keep_gradients():
    a, b = Variable(np.array(2.0)), Variable(np.array([3.0]))
    for f in (
        lambda: fnp.atleast_1d([a, 1.0]),
        lambda: np.hstack([[a, 1.0], b]),
        lambda: np.vstack([[[a]], b]),
        lambda: fnp.column_stack([[a, b[0]], [1.0, 2.0]]),
        lambda: fnp.full_like(np.zeros((2, 2)), [a, 1.0]),
        lambda: np.append([a, a], b),
        lambda: fnp.reshape([a, a], (2, 1)),
        lambda: np.concatenate([[a, a], b]),
        lambda: np.broadcast_arrays([a, a], b)[0],
    ):
        a.cleargrad()
        fnp.sum(f()).backward()
        assert a.grad > 0


def test_dtype_of_a_list_is_numpys():
    half, single = np.float16(1), np.float32([2])
    for xs in ([single, [1]], [single, [half]], [single, [1j]], [single, [True]]):
        y = fnp.array([Variable(xs[0]), xs[1]])
        assert y.dtype == np.array(xs).dtype
    y = fnp.array([Variable(single), [3]], dtype=np.complex64)
    assert y.dtype == np.complex64


def test_ragged_lists_raise_numpys_error():
    with pytest.raises(ValueError, match="inhomogeneous"):
        fnp.array([[Variable(np.array(1.0))], [1.0, 2.0]])


def test_asarray_of_a_variable_is_the_variable():
    x = Variable(normal(3))
    assert fnp.asarray(x) is x
    assert fnp.asanyarray(x) is x
    assert fnp.array(x) is not x
    assert fnp.array(x).data is not x.data


def test_atleast_and_broadcast_arrays_return_what_needs_no_change():
    x = Variable(normal(2, 3, 4))
    for f in (np.atleast_1d, np.atleast_2d, np.atleast_3d):
        assert f(x) is x
    assert np.broadcast_arrays(x, 1.0)[0] is x


def test_like_functions_are_plain_but_for_a_variable_that_fills():
    x = Variable(normal(2, 3))
    for y in (np.zeros_like(x), np.ones_like(x), np.empty_like(x), np.full_like(x, 2.0)):
        assert type(y) is np.ndarray
        assert y.shape == x.shape
    a = Variable(np.array(2.0))
    np.full_like(x, a).backward()
    assert (a.grad, x.grad) == (6, None)
    assert (np.shape(x), np.ndim(x), np.size(x), np.size(x, 1)) == ((2, 3), 2, 6, 3)


def test_astype_to_integers_has_no_gradient():
    y = fnp.astype(Variable(normal(3)), np.int64)
    assert y.dtype == np.int64
    assert not y.requires_grad


# --- joining and splitting ---


def test_split_is_one_function():
    x = Variable(normal(100, 2))
    parts = np.split(x, 50)
    assert len({id(part.creator) for part in parts}) == 1
    (parts[3] * 2).backward()
    assert np.flatnonzero(x.grad[:, 0]).tolist() == [6, 7]


def test_parts_that_overlap_add_up():
    g = gradient(lambda x: fnp.concatenate(fnp.split(x, [3, 1])), normal(4), np.ones(6))
    assert g.tolist() == [1, 2, 2, 1]


def test_concatenate_looks_at_the_operands_once(monkeypatch):
    """And not again for each of them."""
    looks = 0

    class Counting:
        def __getattr__(self, name):
            nonlocal looks
            looks += name in ("shape", "size")
            return getattr(np, name)

    monkeypatch.setattr(joining, "np", Counting())
    xs = [Variable(normal(2)) for _ in range(100)]
    y = fnp.concatenate(xs)
    (y * np.arange(200.0)).backward()
    assert looks == 100
    assert xs[70].grad.tolist() == [140, 141]


def test_block_of_blocks():
    xs = [normal(2, 3), normal(2, 1), normal(1, 4), normal(2, 3, 4)]

    def f(a, b, c, d):
        return [[[a, b], [c]], [[d]]]

    vs = [Variable(x) for x in xs]
    y = np.block(f(*vs))
    assert np.array_equal(y.data, np.block(f(*xs)))
    w = np.arange(float(y.size)).reshape(y.shape)
    fnp.sum(y * w).backward()
    grads = np.block(f(*(v.grad for v in vs)))
    assert np.array_equal(grads, w)


WRONG = {
    "depths": lambda x: np.block([x, [x]]),
    "empty list": lambda x: np.block([[], [x]]),
    "dimensions": lambda x: np.concatenate([x, Variable(normal(2, 2))]),
    "size": lambda x: np.reshape(x, (7,)),
    "parts": lambda x: np.split(x, 2),
    "axes": lambda x: np.transpose(x, (0, 0)),
    "indexing": lambda x: np.meshgrid(x, x, indexing="yx"),
    "width": lambda x: np.pad(x, -1),
    "mode": lambda x: np.pad(x, 1, "mirror"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_errors_are_numpys(wrong):
    with pytest.raises(ValueError) as raised:
        WRONG[wrong](Variable(normal(3)))
    assert "Variable" not in str(raised.value)


@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize("of", ["list", "Variable", "array"])
def test_out_is_filled(by_name, of):
    """Of an array of operands, too."""
    out, data = np.zeros(4), normal(2, 2)
    xs = {"list": [Variable(data[0]), data[1]], "Variable": Variable(data), "array": data}[of]
    y = np.concatenate(xs, 0, out=out) if by_name else fnp.concatenate(xs, 0, out)
    assert isinstance(y, Variable) == (of != "array")
    assert np.array_equal(out, data.ravel())
    assert np.array_equal(out, y if of == "array" else y.data)


# --- trimming ---


def test_trim_zeros_is_a_slice():
    x = np.array([0.0, 0, 3, 0, 4, 0])
    for trim, expected in (("fb", [0, 0, 1, 2, 3, 0]), ("f", [0, 0, 1, 2, 3, 4]),
                           ("B", [1, 2, 3, 4, 5, 0])):  # fmt: skip
        w = np.arange(1.0, len(np.trim_zeros(x, trim)) + 1)
        g = gradient(lambda x, trim=trim: np.trim_zeros(x, trim), x, w)
        assert g.tolist() == expected
    assert np.trim_zeros(Variable(np.zeros(3))).shape == (0,)
    v = [Variable(np.array(a)) for a in (0.0, 1.0, 0.0)]
    assert np.trim_zeros(v) == v[1:2]


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
def test_trim_zeros_of_many_axes(axis):
    x = np.pad(distinct(2, 3), ((1, 2), (2, 0)))
    try:
        expected = np.trim_zeros(x, axis=axis)
    except TypeError:
        pytest.skip("not in this version of NumPy")
    y = np.trim_zeros(Variable(x), axis=axis)
    assert np.array_equal(y.data, expected)
