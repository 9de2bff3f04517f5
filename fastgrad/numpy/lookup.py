"""What makes a module a namespace of NumPy's: the names of one of its modules, with our answers."""

from fastgrad._core.protocols import handlers


def namespace_of(module, names):
    """`__getattr__` and `__dir__` for the namespace `names`, a module's globals.

    What has a rule is the function that answers for it; the rest is NumPy's own. Each name is
    looked up once.
    """

    def __getattr__(name):
        found = getattr(module, name)
        names[name] = found = handlers.get(found, found) if callable(found) else found
        return found

    def __dir__():
        return sorted({*names, *dir(module)})

    return __getattr__, __dir__
