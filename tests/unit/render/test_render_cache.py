"""The cache of renders: built once, bounded, for any thread."""

from __future__ import annotations

import threading

import pytest

from fleet.model import Manifest, ObjectRef, Origin, Rendered
from fleet.render.cache import RenderCache, weight


class _NotNow(Exception):
    pass


def _rendered(key: str, size: int = 10) -> Rendered:
    one = Manifest(ObjectRef("", "ConfigMap", "", key), "v1", b"x" * size, Origin("a.yaml"))
    return Rendered(key, (one,))


def test_a_render_is_built_once() -> None:
    cache = RenderCache()
    first = cache.obtain("a", lambda: _rendered("a"))
    assert cache.obtain("a", lambda: pytest.fail("built twice")) is first
    assert (cache.builds, cache.hits) == (1, 1)


def test_the_least_used_goes_when_the_bytes_do_not_suffice() -> None:
    size = weight(_rendered("a"))
    cache = RenderCache(max_bytes=2 * size)
    for key in ("a", "b"):
        cache.obtain(key, lambda key=key: _rendered(key))  # type: ignore[misc]
    cache.obtain("a", lambda: pytest.fail("a is kept"))
    cache.obtain("c", lambda: _rendered("c"))
    assert cache.bytes == 2 * size
    cache.obtain("a", lambda: pytest.fail("a is kept"))
    cache.obtain("b", lambda: _rendered("b"))
    assert cache.builds == 4


def test_what_is_larger_than_the_cache_is_handed_out_and_not_kept() -> None:
    cache = RenderCache(max_bytes=100)
    cache.obtain("a", lambda: _rendered("a", 5000))
    assert cache.bytes == 0


def test_a_failure_is_kept_from_the_cache() -> None:
    cache = RenderCache()

    def fail() -> Rendered:
        raise _NotNow

    with pytest.raises(_NotNow):
        cache.obtain("a", fail)
    assert cache.obtain("a", lambda: _rendered("a")).key == "a"


def test_two_threads_that_want_the_same_build_it_once() -> None:
    cache = RenderCache()
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Rendered:
        begun.set()
        assert go_on.wait(10)
        return _rendered("a")

    found: list[Rendered] = []
    first = threading.Thread(target=lambda: found.append(cache.obtain("a", slow)))
    first.start()
    assert begun.wait(10)
    second = threading.Thread(target=lambda: found.append(cache.obtain("a", lambda: _rendered("other"))))
    second.start()
    while cache.hits == 0:  # the second has found the first at work
        second.join(0.001)
    go_on.set()
    first.join(10)
    second.join(10)
    assert [one.key for one in found] == ["a", "a"]
    assert cache.builds == 1


def test_who_waited_for_a_build_that_failed_builds_by_itself() -> None:
    cache = RenderCache()
    begun, go_on = threading.Event(), threading.Event()

    def fail() -> Rendered:
        begun.set()
        assert go_on.wait(10)
        raise _NotNow

    def first_one() -> None:
        with pytest.raises(_NotNow):
            cache.obtain("a", fail)

    found: list[Rendered] = []
    first = threading.Thread(target=first_one)
    first.start()
    assert begun.wait(10)
    second = threading.Thread(target=lambda: found.append(cache.obtain("a", lambda: _rendered("a"))))
    second.start()
    while cache.hits == 0:
        second.join(0.001)
    go_on.set()
    first.join(10)
    second.join(10)
    assert [one.key for one in found] == ["a"]
