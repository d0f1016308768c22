"""Reading ahead: an iterator that runs in a thread of its own, a bounded number of items before who takes them.

What belongs here: the hand-over between two threads, nothing of what is handed over. Items come in order, an error comes where
the next item would have, and closing ends the iterator in its own thread.
"""

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


Join = Callable[[Item, Item], Item | None]
"""Makes one item of the one that waits and the next, or says that they are too much for one."""


class Ahead(Generic[Item]):
    """The items of a generator, read before they are asked for: one waits, and one more is in the reader's hand."""

    def __init__(self, items: Callable[[], Generator[Item, Any, Any]], join: Join[Item] = lambda _waiting, _next: None):
        self._items = items
        self._join = join
        self._waiting: list[Item] = []
        self._changed = threading.Condition()
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name="ahead", daemon=True)
        self._thread.start()

    @property
    def is_read(self) -> bool:
        """Whether the generator has ended; some of its items may still wait to be taken."""
        return self._ended

    def __iter__(self) -> Iterator[Item]:
        """Yield the items; raises what the generator raised, after the items before."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended)
                if not self._waiting:
                    break
                item = self._waiting.pop()
                self._changed.notify_all()
            yield item
        if self._error:
            raise self._error

    def close(self) -> None:
        """End the generator and wait until it has ended; what waits is dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _read(self) -> None:
        error: BaseException | None = None
        try:
            with closing(self._items()) as items:
                for item in items:
                    if not self._hand_over(item):
                        break
        except BaseException as raised:  # noqa: BLE001 - whatever it is, it belongs to who takes the items
            error = raised
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def _hand_over(self, item: Item) -> bool:
        """Wait for room and put the item there; say whether more is wanted."""
        with self._changed:
            joined = self._join(self._waiting[0], item) if self._waiting else item
            if joined is None:
                self._changed.wait_for(lambda: self._closed or not self._waiting)
            if not self._closed:
                self._waiting = [item if joined is None else joined]
                self._changed.notify_all()
            return not self._closed
