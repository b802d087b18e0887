"""`RenderCache`: what was rendered, by the key of its inputs' content."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.model import Rendered
    from fleet.render.shelf import Shelf

_OBJECT_BYTES: Final = 700  # a Manifest, its ref, origin and name, measured; its body's length comes on top
_RENDER_BYTES: Final = 1000


class RenderCache:
    """Renders by key, the last used ones, bounded in bytes; for any thread.

    Equal keys are built once, also when asked for at the same time. ``hits`` and ``builds`` count; what is found
    on the ``shelf`` is neither.
    """

    def __init__(self, max_bytes: int = 256 * 1024 * 1024, shelf: Shelf | None = None) -> None:
        self.hits = 0
        self.builds = 0
        self.bytes = 0
        self._max = max_bytes
        self._shelf = shelf
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[Rendered, int]] = OrderedDict()
        self._building: dict[str, Future[Rendered | None]] = {}

    def obtain(self, key: str, build: Callable[[], Rendered], *, lasting: bool = False) -> Rendered:
        """The render of that key: kept, or being built by another thread, or built now.

        A ``lasting`` one is looked for on the shelf first, and put there. What ``build`` raises is its caller's, and nothing is kept; whoever waited for it builds by itself.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                self.hits += 1
                return kept[0]
            pending = self._building.get(key)
            if pending is None:
                mine: Future[Rendered | None] = Future()
                self._building[key] = mine
            else:
                self.hits += 1
        if pending is not None:
            return pending.result() or self.obtain(key, build, lasting=lasting)
        try:
            rendered = self._made(key, build, self._shelf if lasting else None)
        except BaseException:
            with self._lock:
                del self._building[key]
            mine.set_result(None)
            raise
        with self._lock:
            del self._building[key]
            self._keep(key, rendered)
        mine.set_result(rendered)
        return rendered

    def _made(self, key: str, build: Callable[[], Rendered], shelf: Shelf | None) -> Rendered:
        found = shelf.get(key) if shelf is not None else None
        if found is not None:
            return found
        with self._lock:
            self.builds += 1
        made = build()
        if shelf is not None:
            shelf.put(key, made)
        return made

    def _keep(self, key: str, rendered: Rendered) -> None:
        size = weight(rendered)
        if size > self._max:
            return
        self._kept[key] = (rendered, size)
        self.bytes += size
        while self.bytes > self._max:
            _, (_, freed) = self._kept.popitem(last=False)
            self.bytes -= freed


def weight(rendered: Rendered) -> int:
    """About how many bytes of memory a render holds."""
    bodies = sum(len(manifest.body) + _OBJECT_BYTES for manifest in rendered.manifests)
    return _RENDER_BYTES + bodies + _OBJECT_BYTES * len(rendered.faults)
