"""Operators on functions of one argument, for any of the arguments of a function."""

from operator import index

from fastgrad.compat.autograd.tracing import TraceBox, levels, traced
from fastgrad.compat.autograd.util import subvals


def unary_to_nary(unary_operator):
    """Let `unary_operator(fun, x, ...)` be one of `fun` and the number of an argument.

    The result is called as `operator(fun, argnum=0, ...)` and returns a function of all arguments
    of `fun`. With a tuple or a list for `argnum`, `x` is a tuple of these arguments.
    """
    operator = get_name(unary_operator)

    def nary_operator(fun, argnum=0, *operator_args, **operator_kwargs):
        if type(argnum) not in (int, tuple, list):
            argnum = index(argnum)
        one, name = type(argnum) is int, get_name(fun)

        def nary_f(*args, **kwargs):
            if levels and any(isinstance(x, TraceBox) for x in args):
                return traced(nary_f, args, kwargs)
            x = args[argnum] if one else tuple([args[i] for i in argnum])

            def unary_f(x):
                pairs = ((argnum, x),) if one else zip(argnum, x, strict=True)
                return fun(*subvals(args, pairs), **kwargs)

            unary_f.__name__ = name
            alone = one and len(args) == 1 and not kwargs
            return unary_operator(fun if alone else unary_f, x, *operator_args, **operator_kwargs)

        what = f"{operator} of function {name} with respect to argument number {argnum}"
        nary_f.__name__ = f"{operator}_of_{name}_wrt_argnum_{argnum}"
        nary_f.__doc__ = f"    {what}: it takes the\n    arguments of {name}.\n"
        return nary_f

    return wraps(unary_operator)(nary_operator)


def wraps(fun, namestr="{fun}", docstr="{doc}", **kwargs):
    """Decorate a function with a name and a text, in which `{fun}` and `{doc}` are of `fun`."""

    def rename(f):
        f.__name__ = namestr.format(fun=get_name(fun), **kwargs)
        doc = get_doc(fun)
        if doc or docstr != "{doc}":
            f.__doc__ = docstr.format(fun=get_name(fun), doc=doc, **kwargs)
        return f

    return rename


def get_name(f):
    """The name of a function, or what stands for it."""
    return getattr(f, "__name__", "[unknown name]")


def get_doc(f):
    """The docstring of a function."""
    return getattr(f, "__doc__", "")
