"""The memory of nodes: it is used again, goes back to the system, and can be done without."""

import sys
import textwrap

import pytest


def test_memory_of_a_large_graph_goes_back_and_is_used_again(run_child):
    code = """
        import resource
        import numpy as np
        from fastgrad import Variable
        from pathlib import Path

        statm = Path("/proc/self/statm")
        if not statm.exists():
            print("back again")
            raise SystemExit

        def resident():
            return int(statm.read_text().split()[1]) * resource.getpagesize() / 1e6

        def build(n):
            y = x
            for _ in range(n):
                y = y * b
            return y

        x, b = Variable(np.array(1.0)), Variable(np.array(1.0))
        build(1000)
        before = resident()
        for _ in range(3):
            y = build(500_000)
            held = resident() - before
            del y
            left = resident() - before
            assert held > 60, held
            assert left < 45, left
        print("back again")
    """
    assert run_child(code) == "back again\n"


BUILD = """
    import resource
    import numpy as np

    {before}
    from fastgrad import Variable, empty_cache
    from fastgrad._core.handles import empty_nodes

    def chain(n):
        y = x
        for _ in range(n):
            y = y + 1.0
        return y

    def megabytes(what):
        path = "/proc/self/" + ("statm" if what != "huge" else "smaps")
        with open(path) as file:
            text = file.read()
        if what == "huge":
            return " hg" in text
        pages = int(text.split()[["size", "resident"].index(what)])
        return pages * resource.getpagesize() / 2**20

    x = Variable(np.array(2.0))
"""

needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def program(code, before=""):
    """A child's: `before` is run before fastgrad is imported."""
    return textwrap.dedent(BUILD).format(before=before) + textwrap.dedent(code)


@needs_proc
def test_a_graph_beyond_the_reservation_is_as_any_other(run_child):
    """An eighth of 700 MB is reserved, and holds less than 500 000 nodes."""
    code = """
        for _ in range(2):
            y = chain(600_000)
            y.backward()
            assert x.grad == 1 and y.data == 600_002
            x.cleargrad()
            del y
        print("done")
    """
    limit = "resource.setrlimit(resource.RLIMIT_AS, (700 << 20, 700 << 20))"
    assert run_child(program(code, limit)) == "done\n"


@needs_proc
def test_most_of_what_ulimit_allows_is_left_to_the_program(run_child):
    code = """
        print(megabytes("size") - before < 1024 + 300)
        np.empty(6 << 27)  # addresses, without memory
    """
    limit = "resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))"
    before = "; before = int(open('/proc/self/statm').read().split()[0]) / 256"
    assert run_child(program(code, limit + before)) == "True\n"


@needs_proc
@pytest.mark.parametrize("value", [None, "0", "", "1"])
def test_huge_pages_are_asked_for_by_whom_the_program_says(value, run_child):
    code = """
        y = chain(50_000)
        print(megabytes("huge"))
    """
    before = "import os; os.environ.pop('FASTGRAD_HUGE_PAGES', 0)"
    if value is not None:
        before += f"; os.environ['FASTGRAD_HUGE_PAGES'] = {value!r}"
    assert run_child(program(code, before)) == f"{value == '1'}\n"


@needs_proc
def test_empty_cache_gives_all_of_it_back(run_child):
    code = """
        chain(1000)
        empty_cache()
        small = megabytes("resident")
        for _ in range(3):
            y = chain(200_000)
            z = y * 1.0
            del y
            y = [Variable(x.data) for _ in range(20_000)]  # more than there are spare ones
            del y
            assert empty_nodes() > 2 << 20  # the spare handles
            assert z.data == 200_002
            z.backward()
            assert x.grad == 1
            x.cleargrad()
            del z
            assert empty_nodes() > 15 << 20
            assert empty_nodes() == 0
            assert megabytes("resident") - small < 4, megabytes("resident") - small
        print("done")
    """
    assert run_child(program(code)) == "done\n"


def test_pieces_freed_in_any_order_are_used_again(run_child):
    code = """
        import random
        import numpy as np
        from fastgrad import Variable

        rng = random.Random(0)
        x = Variable(np.array(1.0))
        alive = []
        for _ in range(200):
            alive += [x * float(i) for i in range(1000)]
            rng.shuffle(alive)
            del alive[: len(alive) // 2]
            assert all(y.creator.inputs[0] is x for y in alive[:50])
        for y in alive[:200]:
            x.cleargrad()
            y.backward()
            assert x.grad == y.data
        print("done")
    """
    assert run_child(code) == "done\n"
