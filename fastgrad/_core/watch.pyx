"""See watch.pxd."""

from threading import get_ident

from fastgrad._core.graph cimport value_of
from fastgrad._core.node cimport Handle

watched = False
cdef dict watchers = {}  # by thread


def begin(watching):
    """Let `watching` be told of what this thread calls; return what `end` needs."""
    global watched
    before = watchers.get(get_ident())
    watchers[get_ident()] = watching
    watched = True
    return before


def end(before):
    """Go back to the watcher before, or None."""
    global watched
    if before is None:
        watchers.pop(get_ident(), None)
    else:
        watchers[get_ident()] = before
    watched = len(watchers) > 0


def watching():
    """The watcher of this thread, or None."""
    return watchers.get(get_ident()) if watched else None


def others():
    """Those of other threads."""
    own = get_ident()
    return [x for thread, x in list(watchers.items()) if thread != own]


def data_of(Handle x not None):
    """Its data, of which nobody is told."""
    return value_of(x)


def place_of(Handle x not None):
    """Where in the graph it is: its creator and which output of that; None for a leaf."""
    return None if x.creator == NULL else (<object>x.creator, x.slot)


cdef object watcher():
    found = watchers.get(get_ident())
    if found is None:
        from fastgrad.replay.log import Stranger  # which is made of all the rest

        return Stranger
    return found


cdef object restored(object x):
    found = watchers.get(get_ident())
    return x if found is None else found.restored(x)
