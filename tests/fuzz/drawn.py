"""What the state machine draws, and how it looks at what happens."""

import threading

import numpy as np
from hypothesis import strategies as st

# 2500 elements are more than one block of the fused accumulation.
SHAPES = st.sampled_from([(), (), (3,), (3,), (2, 3), (1,), (2500,)])
DTYPES = st.sampled_from(["float64", "float64", "float32"])
SEEDS = st.integers(0, 99)
# Modulo what there is; 0 is the last one made.
INDICES = st.one_of(st.integers(0, 3), st.integers(0, 40))
SCALARS = st.sampled_from([2, 0.5, -3, np.float64(1.5), np.float32(0.25), np.ones((2, 1))])
MOSTLY = st.integers(0, 7).map(lambda n: n < 7)
SELDOM = st.integers(0, 7).map(lambda n: n == 7)
TAKES = {"add": 2, "sub": 2, "mul": 2, "div": 2, "neg": 1, "tanh": 1, "exp": 1}
GROWTH = st.sampled_from([*TAKES, "mul", "Square", "Split", "Combine", "Cube", "Shuffle"])
CHANGES = ["assign data", "write into data", "raise generation", "lower generation of creator"]
MOST_HELD, MOST_ELEMENTS = 30, 6000


def numbers(shape, dtype, seed):
    """Far apart in size: the order in which contributions are added shows in the rounding."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape) * 2.0 ** rng.integers(-4, 5, shape)
    return np.asarray(x).astype(dtype)


def in_thread(f):
    """The outcome of `f`, called in a thread of its own."""
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(outcome(f)))
    thread.start()
    thread.join()
    return outcomes[0]


def outcome(f):
    """What `f` returned, as a list; or the type of what it raised."""
    try:
        with np.errstate(all="ignore"):
            y = f()
    except Exception as error:  # noqa: BLE001
        return type(error)
    return y if isinstance(y, list) else [y]
