"""Arrays that the engine was the last to hold are handed out again; what others hold never is."""

import gc
import textwrap
import threading
import weakref

import numpy as np
import pytest

from fastgrad import Variable, empty_cache, no_grad
from fastgrad._kernels.spares import empty_spares

SIZES = [2, 16, 1000]


def address(x):
    return x.__array_interface__["data"][0]


def made(x, factor=2.0):
    """An array as the engine makes them."""
    return (Variable(x, requires_grad=False) * factor).data


@pytest.fixture(autouse=True)
def nothing_kept():
    """Each test begins with no spare arrays, and with floating-point flags down."""
    made(np.ones(3))
    gc.collect()
    empty_cache()


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_array_let_go_of_is_the_next_one(n, dtype):
    x = Variable(np.ones(n, dtype), requires_grad=False)
    addresses = set()
    for _ in range(10):
        y = x * 2  # with nothing in between that would let go of it
        addresses.add(address(y.data))
        del y
    assert len(addresses) <= 2
    assert empty_spares() > 0


def holders():
    """Ways to hold an array, or a part of it: what is held, and what it then is worth."""
    return {
        "itself": lambda a: a,
        "a view": lambda a: a[1:],
        "a reshaped view": lambda a: a.reshape(2, -1),
        "a memoryview": memoryview,
        "a Variable": Variable,
        "a view of a view": lambda a: a[1:][1:],
        "__dlpack__": np.from_dlpack,
    }


@pytest.mark.parametrize("hold", holders().values(), ids=list(holders()))
def test_an_array_that_somebody_holds_stays_his(hold):
    x = Variable(np.arange(16.0), requires_grad=False)
    y = x * 2
    held = hold(y.data)
    before = np.array(held.data if isinstance(held, Variable) else held).tolist()
    del y
    others = [x * 3 for _ in range(5)]
    assert np.array(held.data if isinstance(held, Variable) else held).tolist() == before
    assert all(y.data.tolist() == (3 * np.arange(16.0)).tolist() for y in others)


def test_a_weak_reference_sees_its_array_die():
    x = Variable(np.ones(16), requires_grad=False)
    y = x * 2
    reference, died = weakref.ref(y.data), []
    weakref.finalize(y.data, died.append, 1)
    del y
    assert reference() is None
    assert died == [1]
    assert not np.shares_memory((x * 2).data, x.data)


@pytest.mark.parametrize("change", [
    lambda a: a.setflags(write=False),
    lambda a: setattr(a, "dtype", np.int64),
    lambda a: setattr(a, "dtype", ">f8"),
    lambda a: setattr(a, "dtype", np.dtype("f8", metadata={"unit": "m"})),
], ids=["read-only", "int64", "swapped", "metadata"])  # fmt: skip
@pytest.mark.filterwarnings("ignore:Setting the dtype:DeprecationWarning")
def test_an_array_that_was_changed_is_not_handed_out(change):
    x = Variable(np.ones(16), requires_grad=False)
    y = x * 2
    change(y.data)
    del y
    for _ in range(3):
        z = (x * 2).data
        assert z.flags.writeable
        assert z.dtype == np.float64
        assert z.dtype.metadata is None
        assert z.tolist() == [2.0] * 16


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")
def test_an_array_reshaped_in_place_keeps_its_new_shape():
    x, w = (
        Variable(np.ones(16), requires_grad=False),
        Variable(np.ones((4, 4)), requires_grad=False),
    )
    y, z = x * 2, w * 2
    y.data.shape = 4, 4
    del y, z
    assert [(x * 2).shape for _ in range(3)] == [(16,)] * 3
    assert [(w * 2).shape for _ in range(3)] == [(4, 4)] * 3


def test_no_more_is_kept_than_was_asked_for():
    x = Variable(np.ones(100), requires_grad=False)
    x * 2
    empty_cache()
    for _ in range(1000):  # the program's own arrays, of which the engine asked for none
        Variable(np.ones(100))
    assert empty_spares() <= 2 * 1000


def test_subclasses_are_not_kept():
    class Mine(np.ndarray):
        def __array_finalize__(self, other):
            self.mark = getattr(other, "mark", 0) + 1

    x = Variable(np.ones(16).view(Mine), requires_grad=False)
    for _ in range(3):
        assert type((x * 2).data) is Mine
    assert type(made(np.ones(16))) is np.ndarray


def test_gradients_that_a_program_keeps_are_its_own():
    w = np.arange(16.0)
    kept = []
    for i in range(50):
        x = Variable(w + i)
        y = (x * x * 0.5 + x).sum()
        y.backward()
        kept.append(x.grad)
    for i, gx in enumerate(kept):
        assert gx.tolist() == (w + i + 1).tolist()


def test_many_shapes_at_once():
    rng = np.random.default_rng(0)
    shapes = [tuple(rng.integers(1, 6, rng.integers(0, 7))) for _ in range(600)]
    with no_grad():
        for _ in range(3):
            for shape in shapes:
                x = Variable(np.full(shape, 3.0))
                y = x * x + x
                assert y.shape == shape
                assert (y.data == 12).all()


def test_threads_share_them():
    failures = []

    def work(i):
        x = Variable(np.full(33, float(i)))
        for _ in range(2000):
            x.cleargrad()
            (x * x).sum().backward()
            if not (x.grad == 2 * i).all():
                failures.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


PREAMBLE = """
import os
os.environ["FASTGRAD_POOL_MB"] = "{megabytes}"
import numpy as np
from fastgrad import Variable
from fastgrad._kernels.spares import empty_spares
x = Variable(np.ones(1000), requires_grad=False)
"""


def test_an_eighth_of_the_limit_is_kept(run_child):
    code = """
        arrays = [x * 2 for _ in range(1000)]  # 8 MB
        del arrays
        kept = empty_spares()
        print(0.9 * 2**20 < kept <= 2**20)
    """
    assert run_child(PREAMBLE.format(megabytes=8) + textwrap.dedent(code)) == "True\n"


def test_they_can_be_switched_off(run_child):
    code = """
        for _ in range(10):
            x * 2
        print(empty_spares())
    """
    assert run_child(PREAMBLE.format(megabytes=0) + textwrap.dedent(code)) == "0\n"
