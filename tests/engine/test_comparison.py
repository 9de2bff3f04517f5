"""`==` and `<` are elementwise, hash is identity, bool is NumPy's."""

import operator

import numpy as np
import pytest

from fastgrad import Variable


@pytest.mark.parametrize("name", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_comparisons_are_elementwise_and_plain_numpy(name):
    compare = getattr(operator, name)
    x, y = np.array([1.0, 2.0, np.nan]), np.array([2.0, 2.0, np.nan])
    for a, b in [(Variable(x), Variable(y)), (Variable(x), y), (x, Variable(y)), (Variable(x), 2)]:
        result = compare(a, b)
        assert type(result) is np.ndarray
        plain = [v.data if isinstance(v, Variable) else v for v in (a, b)]
        assert np.array_equal(result, compare(*plain))


def test_comparison_of_zero_dimensions_works_in_conditions():
    x = Variable(np.array(2.0))
    assert x == 2
    assert x > 1
    assert not x < 1
    assert x < 3
    assert x == Variable(np.array(2.0))


def test_hash_is_identity_and_membership_by_identity_works():
    x, y = Variable(np.array([1.0, 2.0])), Variable(np.array([1.0, 2.0]))
    assert hash(x) == hash(x)
    assert len({x, y, x}) == 2


def test_bool_is_numpys():
    assert bool(Variable(np.array(1.0))) is True
    assert bool(Variable(np.array(0.0))) is False
    assert bool(Variable(np.array([[5]]))) is True
    with pytest.raises(ValueError, match="truth value"):
        bool(Variable(np.ones(2)))
