"""Config, using_config and no_grad: nested, decorated, with exceptions, per thread and per task."""

import asyncio
import threading

import numpy as np
import pytest
from helpers import functions_for

import fastgrad
from fastgrad import Config, no_grad, using_config


def records(lib=fastgrad):
    """Whether operations are recorded here: built-in and Python ones agree."""
    x = lib.Variable(np.array(2.0))
    built_in = lib.mul(x, x).creator is not None
    assert (functions_for(lib).Square()(x).creator is not None) == built_in
    return built_in


def in_thread(f):
    """Run `f` in a new thread and return what it returns."""
    results = []
    thread = threading.Thread(target=lambda: results.append(f()))
    thread.start()
    thread.join()
    return results[0]


@pytest.fixture(autouse=True)
def restored_default():
    yield
    Config.enable_backprop = True


def test_recording_is_on_by_default(lib):
    assert lib.Config.enable_backprop is True
    assert records(lib)


def test_no_grad_is_on_inside_its_block_only(lib):
    with lib.no_grad():
        assert lib.Config.enable_backprop is False
        assert not records(lib)
    assert lib.Config.enable_backprop is True
    assert records(lib)


def test_blocks_nest_and_restore_what_was_there(lib):
    with lib.no_grad():
        with lib.using_config("enable_backprop", True):
            assert records(lib)
            with lib.no_grad():
                assert not records(lib)
            assert records(lib)
        assert not records(lib)
        with lib.no_grad():
            assert not records(lib)
        assert not records(lib)
    assert records(lib)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_exception_inside_a_block_leaves_it_and_passes_on(lib, error):
    with pytest.raises(error), lib.no_grad():
        raise error
    assert records(lib)


def test_exception_inside_an_operation_under_no_grad(lib):
    x, z = lib.Variable(np.ones(2)), lib.Variable(np.ones(3))
    with pytest.raises(ValueError), lib.no_grad():
        lib.add(x, z)
    assert records(lib)


def test_as_a_decorator_also_recursive(lib):
    seen = []

    @lib.no_grad()
    def off(depth):
        """Its docstring."""
        seen.append(records(lib))
        return off(depth - 1) if depth else "done"

    @lib.using_config("enable_backprop", True)
    def on():
        return records(lib)

    assert off(2) == off(0) == "done"
    assert seen == [False] * 4
    assert (off.__name__, off.__doc__) == ("off", "Its docstring.")
    with lib.no_grad():
        assert on() is True
    assert records(lib)


def test_block_inside_a_python_forward(lib):
    class Quiet(lib.Function):
        def forward(self, x):
            with lib.no_grad():
                assert not records(lib)
            return x * 2

        def backward(self, gy):
            with lib.no_grad():
                assert not records(lib)
            return gy * 2

    x = lib.Variable(np.array(1.0))
    y = Quiet()(x)
    y.backward()
    assert x.grad == 2.0


# --- direct assignment ---


@pytest.mark.parametrize("value", [False, 0, "", None, [], 0.0, np.bool_(False)])
def test_any_falsy_object_assigned_switches_recording_off(lib, value):
    try:
        lib.Config.enable_backprop = value
        assert lib.Config.enable_backprop is value
        assert not records(lib)
    finally:
        lib.Config.enable_backprop = True
    assert records(lib)


@pytest.mark.parametrize("value", [True, 1, "no", [0], 0.5, np.bool_(True), object()])
def test_any_truthy_object_assigned_switches_recording_on(lib, value):
    try:
        lib.Config.enable_backprop = value
        assert lib.Config.enable_backprop is value
        assert records(lib)
    finally:
        lib.Config.enable_backprop = True


@pytest.mark.parametrize("value", [0, "", 1, "yes"])
def test_using_config_takes_any_object_and_reads_it_back(lib, value):
    with lib.using_config("enable_backprop", value):
        assert lib.Config.enable_backprop is value
        assert records(lib) == bool(value)


def test_assignment_outside_blocks_is_the_default_of_the_process():
    Config.enable_backprop = False
    assert in_thread(records) is False
    with using_config("enable_backprop", True):
        assert records()
        assert in_thread(records) is False
    assert not records()
    Config.enable_backprop = True
    assert in_thread(records) is True


def test_assignment_inside_a_block_is_undone_at_its_end(lib):
    with lib.no_grad():
        lib.Config.enable_backprop = True
        assert records(lib)
    assert records(lib)
    with lib.using_config("enable_backprop", True):
        lib.Config.enable_backprop = False
        assert not records(lib)
    assert records(lib)


def test_assignment_inside_a_block_belongs_to_its_thread():
    with using_config("enable_backprop", True):
        Config.enable_backprop = False
        assert not records()
        assert in_thread(records) is True


def test_assignment_outside_a_block_by_another_thread_does_not_reach_into_a_block():
    def assign():
        Config.enable_backprop = False

    with using_config("enable_backprop", True):
        in_thread(assign)
        assert records()
    assert not records()


# --- threads and tasks ---


def test_no_grad_belongs_to_its_thread():
    entered, checked = threading.Event(), threading.Event()

    def hold():
        with no_grad():
            entered.set()
            checked.wait()
            return records()

    results = []
    thread = threading.Thread(target=lambda: results.append(hold()))
    thread.start()
    entered.wait()
    here = records()
    checked.set()
    thread.join()
    assert (here, results) == (True, [False])


def test_no_grad_belongs_to_its_task():
    async def quiet(seen):
        with no_grad():
            for _ in range(5):
                seen.append(("quiet", records()))
                await asyncio.sleep(0)

    async def recording(seen):
        for _ in range(5):
            seen.append(("recording", records()))
            await asyncio.sleep(0)

    async def main():
        seen = []
        await asyncio.gather(quiet(seen), recording(seen), quiet(seen))
        return seen, records()

    seen, after = asyncio.run(main())
    assert len(seen) == 15
    assert all(recorded == (name == "recording") for name, recorded in seen)
    assert after


def test_many_threads_switch_independently():
    barrier, wrong = threading.Barrier(8), []

    def work(on):
        barrier.wait()
        for _ in range(300):
            with using_config("enable_backprop", on):
                if records() != on:
                    wrong.append(on)

    threads = [threading.Thread(target=work, args=(i % 2 == 0,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- other attributes ---


def test_attributes_of_ones_own(lib):
    lib.Config.train = "default"
    try:
        with lib.using_config("train", "inside"):
            assert lib.Config.train == "inside"
            assert records(lib)
        assert lib.Config.train == "default"
        with pytest.raises(ValueError), lib.using_config("train", 1):
            raise ValueError
        assert lib.Config.train == "default"
    finally:
        del lib.Config.train
    assert not hasattr(lib.Config, "train")


def test_unknown_name_is_an_attribute_error(lib):
    with pytest.raises(AttributeError), lib.using_config("no_such_name", 1):
        pass
    assert not hasattr(lib.Config, "no_such_name")
