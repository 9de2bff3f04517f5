"""DeZero's core on fastgrad: the names of `dezero.core`.

`fastgrad.compat.patch("dezero")` puts it under the DeZero library, or under a reader's own.
"""

from fastgrad.compat.dezero.core import *  # noqa: F403
from fastgrad.compat.dezero.core import __all__ as __all__
