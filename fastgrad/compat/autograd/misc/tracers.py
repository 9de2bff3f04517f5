"""Graphs of a function's calls: kept to run it again, or whole, to be looked at."""

from functools import partial

from fastgrad.compat.autograd.tracer import Node, trace
from fastgrad.compat.autograd.util import subvals, toposort
from fastgrad.compat.autograd.wrap_util import wraps


class ConstGraphNode(Node):
    """A call, with the arguments that do not depend on the input."""

    __slots__ = ("parents", "partial_fun")

    def __init__(self, value, fun, args, kwargs, parent_argnums, parents):
        self.parents = parents
        self.partial_fun = lambda values: fun(
            *subvals(args, zip(parent_argnums, values, strict=True)), **kwargs
        )

    def initialize_root(self):
        """The input."""
        self.parents = []


def const_graph_unary(fun):
    """`fun`, of one argument, whose graph is that of its first call ever after."""
    graph = []

    def of_graph(x):
        if not graph:
            y, end = trace(ConstGraphNode.new_root(), fun, x)
            if end is None:
                raise Exception("Output is independent of input")
            graph.extend(list(toposort(end))[::-1])
            return y
        values = {graph[0]: x}
        for node in graph[1:]:
            values[node] = node.partial_fun([values[parent] for parent in node.parents])
        return values[graph[-1]]

    return of_graph


def const_graph(fun, *args, **kwargs):
    """`partial(fun, *args, **kwargs)`, run once: its later calls repeat the calls of the first."""
    of_arguments = const_graph_unary(lambda rest: partial(fun, *args, **kwargs)(*rest))
    return wraps(fun)(lambda *rest: of_arguments(rest))


class FullGraphNode(Node):
    """A call: its value and its `recipe`, which is function, arguments, keywords and parents."""

    __slots__ = ("value", "recipe")

    def __init__(self, value, fun, args, kwargs, parent_argnums, parents):
        self.value = value
        self.recipe = (fun, args, kwargs, list(zip(parent_argnums, parents, strict=True)))

    def initialize_root(self):
        """The input."""
        self.value, self.recipe = None, (lambda x: x, (), {}, [])


def full_graph(fun, *args, **kwargs):
    """The node of `fun(*args, **kwargs)`, which leads to all calls that it was made of."""
    return trace(FullGraphNode.new_root(), lambda xs: fun(*xs, **kwargs), args)[1]
