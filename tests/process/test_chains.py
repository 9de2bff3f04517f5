"""Whatever a Variable or a Function can own may be a chain without end, and dies without recursion.

Everything runs in child processes: a crash is a failed test.
"""

import sys

import chains
import pytest

KINDS = ["all", *chains.KINDS]
if sys.version_info[:2] == (3, 13):  # where a plain class with __slots__ crashes in such chains too
    KINDS = [kind for kind in KINDS if kind not in ("slots", "slots_obj")]


@pytest.mark.parametrize("where", ["the main thread", "a thread", "the collector"])
@pytest.mark.parametrize("half", [0, 1])
def test_chains_of_each_kind(where, half, run_child):
    """And of all in turn."""
    code = f"""
        import gc, sys, chains
        gc.disable()
        for kind in {KINDS[half::2]}:
            print("a chain by", kind, file=sys.stderr, flush=True)
            chains.end(kind, 20_000, {where!r})
        print("done")
    """
    assert run_child(code) == "done\n"


def test_a_million_arrays_of_objects(run_child):
    code = "import chains\nchains.end('data_obj', 1_000_000, 'the main thread')\nprint('done')\n"
    assert run_child(code) == "done\n"


def test_a_chain_at_the_end_of_the_interpreter(run_child):
    code = "import chains\ny = chains.chain('attr_obj', 100_000)\nprint('done')\n"
    assert run_child(code) == "done\n"
