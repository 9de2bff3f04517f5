"""The bounded part of the fuzzing; `python -m tests.fuzz --hours 2` has no bound but time."""

import importlib.util

import pytest
from hypothesis import Phase, settings

from fuzz.check import check
from fuzz.machine import Machine

TORCH = importlib.util.find_spec("torch") is not None

# A hint for beginners: a program that drops Variables at random asks for it.
pytestmark = pytest.mark.filterwarnings("ignore:x.grad is None")

TestStateMachine = Machine.TestCase
TestStateMachine.settings = settings(
    settings.get_profile("dev"),
    max_examples=250,
    stateful_step_count=40,
    # Shrinking takes minutes: `python -m tests.fuzz machine` does it.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@pytest.mark.parametrize("start", range(0, 600, 50))
def test_programs_of_rows(start):
    """Against PyTorch where it is installed, and differences; a failure tells the program."""
    for seed in range(start, start + 50):
        check(seed, TORCH)
