"""Small helpers that programs import."""

import warnings


def subvals(x, ivs):
    """The tuple `x` with other entries, of pairs of an index and a value."""
    entries = list(x)
    for i, v in ivs:
        entries[i] = v
    return tuple(entries)


def subval(x, i, v):
    """The tuple `x` with `v` at index `i`."""
    return subvals(x, [(i, v)])


def toposort(end_node, parents=lambda node: node.parents):
    """The nodes that `end_node` was made of, itself first, each before its own parents."""
    n_children, stack = {}, [end_node]
    while stack:
        node = stack.pop()
        n_children[node] = n_children.get(node, 0) + 1
        if n_children[node] == 1:
            stack.extend(parents(node))
    ready = [end_node]
    while ready:
        node = ready.pop()
        yield node
        for parent in parents(node):
            n_children[parent] -= 1
            if n_children[parent] == 0:
                ready.append(parent)


def quick_grad_check(fun, arg0, extra_args=(), kwargs=None, **_):
    """Deprecated: `test_util.check_grads` of `fun` for its first argument."""
    from fastgrad.compat.autograd.test_util import check_grads

    warnings.warn("quick_grad_check is deprecated, use test_util.check_grads", stacklevel=2)
    check_grads(lambda x: fun(x, *extra_args, **(kwargs or {})), modes=["rev"], order=1)(arg0)
