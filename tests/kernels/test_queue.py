"""The queue of backward against heapq: greatest generation first, latest arrival first."""

import heapq
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgrad._core.queue import Queue

INT64 = st.integers(-(2**63), 2**63 - 1)
# Few distinct generations make ties; a rising or falling trend makes the heap's worst cases.
GENERATIONS = st.one_of(st.integers(0, 3), st.integers(-5, 5), INT64)
POP = None


class Oracle:
    """The same order from heapq: smallest (-generation, -arrival) first."""

    def __init__(self):
        self.heap, self.arrivals = [], 0

    def push(self, item, generation):
        self.arrivals += 1
        heapq.heappush(self.heap, (-generation, -self.arrivals, item))

    def pop(self):
        return heapq.heappop(self.heap)[2]

    def __len__(self):
        return len(self.heap)


@given(st.lists(st.one_of(GENERATIONS, st.just(POP)), max_size=200))
def test_any_sequence_of_pushes_and_pops_is_heapqs(steps):
    queue, oracle = Queue(), Oracle()
    for item, generation in enumerate(steps):
        if generation is POP:
            if len(oracle) == 0:
                with pytest.raises(IndexError):
                    queue.pop()
            else:
                assert queue.pop() == oracle.pop()
        else:
            queue.push(item, generation)
            oracle.push(item, generation)
        assert len(queue) == len(oracle)
    while oracle:
        assert queue.pop() == oracle.pop()
    assert len(queue) == 0


@pytest.mark.parametrize(
    "generations",
    [range(3000), range(3000, 0, -1), [0] * 3000, [i % 7 for i in range(3000)]],
    ids=["rising", "falling", "all tied", "seven distinct"],
)
def test_thousands_of_items_come_out_in_heapqs_order(generations):
    queue, oracle = Queue(), Oracle()
    for item, generation in enumerate(generations):
        queue.push(item, generation)
        oracle.push(item, generation)
    while oracle:
        assert queue.pop() == oracle.pop()


def test_a_chains_alternating_push_and_pop():
    queue = Queue()
    for generation in range(10_000, -10_000, -1):
        queue.push(generation, generation)
        assert queue.pop() == generation
        assert len(queue) == 0


def test_ties_come_out_last_in_first():
    queue = Queue()
    for item in "abc":
        queue.push(item, 5)
    assert [queue.pop() for _ in range(3)] == ["c", "b", "a"]


def test_the_greatest_and_the_least_generation():
    queue = Queue()
    for generation in (0, -(2**63), 2**63 - 1, -1):
        queue.push(generation, generation)
    assert [queue.pop() for _ in range(4)] == [2**63 - 1, 0, -1, -(2**63)]


def test_pop_of_an_empty_queue_is_an_index_error():
    queue = Queue()
    with pytest.raises(IndexError):
        queue.pop()
    queue.push("x", 1)
    queue.pop()
    with pytest.raises(IndexError):
        queue.pop()


def test_wrong_arguments_raise_and_leave_the_queue_as_it_was():
    queue = Queue()
    queue.push("x", 1)
    for generation in ("1", None, 1.5, object()):
        with pytest.raises(TypeError):
            queue.push("y", generation)
    for generation in (2**63, -(2**63) - 1, 10**30):
        with pytest.raises(OverflowError):
            queue.push("y", generation)
    assert len(queue) == 1
    assert queue.pop() == "x"


def test_items_are_owned_while_queued_and_released_after():
    class Item:
        pass

    queue, item = Queue(), Item()
    alive = weakref.ref(item)
    queue.push(item, 1)
    del item
    assert alive() is not None
    queue.pop()
    assert alive() is None
    queue.push(Item(), 1)
    alive = weakref.ref(queue.pop())
    assert alive() is None


def test_a_queue_that_dies_releases_what_it_still_holds():
    class Item:
        pass

    queue, items = Queue(), [Item() for _ in range(10)]
    alive = [weakref.ref(item) for item in items]
    for generation, item in enumerate(items):
        queue.push(item, generation)
    del items, item
    assert all(r() is not None for r in alive)
    del queue
    assert all(r() is None for r in alive)
