"""The memory of nodes: it is used again, goes back to the system, and can be done without."""


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
            assert left < 30, left
        print("back again")
    """
    assert run_child(code) == "back again\n"


def test_without_addresses_to_reserve_nodes_come_from_python(run_child):
    code = """
        import resource
        import numpy as np

        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        from fastgrad import Variable

        x = Variable(np.array(2.0))
        for _ in range(3):
            y = x
            for _ in range(50_000):
                y = y * 1.0 + 0.0
            y.backward()
            x.cleargrad()
        y.backward()
        print(x.grad)
    """
    assert run_child(code) == "1.0\n"


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
