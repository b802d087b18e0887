"""Waiting until what others build on is there: a CRD is Established and served, a Namespace Active.

Contract: reads with a short, growing backoff on the given clock, until ``timeout`` seconds of it have passed;
then NotReady, which is transient. A state that waiting does not mend (a terminating namespace) ends the wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson

from fleet.errors import NotFound, NotReady
from fleet.kube import paths
from fleet.kube.request import METADATA_LIST_ACCEPT, Request, Send
from fleet.model import ObjectRef, Resource

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fleet.clock import Clock

_FIRST: Final = 0.05
_LONGEST: Final = 1.0
_FACTOR: Final = 1.6

_Found = TypeVar("_Found")


async def wait(
    send: Send,
    resource: Resource,
    ref: ObjectRef,
    *,
    until: Callable[[dict[str, Any]], bool],
    clock: Clock,
    timeout: float,  # noqa: ASYNC109 (it runs on the clock that is given)
) -> dict[str, Any]:
    """Return the object, once ``until`` holds of it."""

    async def look() -> dict[str, Any] | None:
        request = Request("GET", paths.object_path(resource, ref.namespace, ref.name), ref=ref)
        found: dict[str, Any] = orjson.loads((await send(request)).body)
        return found if until(found) else None

    return await _poll(look, ref, clock, timeout)


async def served(
    send: Send,
    resource: Resource,
    *,
    clock: Clock,
    timeout: float,  # noqa: ASYNC109 (it runs on the clock that is given)
) -> None:
    """Return once the API server serves the kind, which follows Established by some milliseconds."""
    path = paths.collection_path(resource, None)
    request = Request("GET", path, query=(("limit", "1"),), accept=METADATA_LIST_ACCEPT)

    async def look() -> bool:
        await send(request)
        return True

    await _poll(look, ObjectRef(resource.group, resource.kind, "", ""), clock, timeout)


def established(crd: dict[str, Any]) -> bool:
    """Whether a CRD's names are accepted and it is served, for ``wait``."""
    true = _true(crd)
    return {"NamesAccepted", "Established"} <= true and "Terminating" not in true


def begun(crd: dict[str, Any]) -> bool:
    """Whether a CRD has ever been served, so that there may be objects of its kind."""
    return "Established" in _true(crd)


def active(namespace: dict[str, Any]) -> bool:
    """Whether a Namespace takes objects, for ``wait``; raises NotReady where it is being removed."""
    name: str = namespace["metadata"]["name"]
    phase: str = namespace.get("status", {}).get("phase", "")
    if namespace["metadata"].get("deletionTimestamp") or phase == "Terminating":
        raise NotReady(f"namespace {name} is being removed", ref=ObjectRef("", "Namespace", "", name))
    return phase == "Active"


def _true(crd: dict[str, Any]) -> set[str]:
    """The types of the conditions that hold."""
    return {
        condition["type"]
        for condition in crd.get("status", {}).get("conditions") or ()
        if condition.get("status") == "True"
    }


async def _poll(
    look: Callable[[], Awaitable[_Found | None]], ref: ObjectRef, clock: Clock, seconds: float
) -> _Found:
    deadline = clock.boottime() + seconds
    pause = _FIRST
    while True:
        try:
            found = await look()
        except NotFound:
            found = None
        if found is not None:
            return found
        left = deadline - clock.boottime()
        if left <= 0:
            raise NotReady(f"{ref} is not ready after {seconds:g} s", ref=ref)
        await clock.sleep(min(pause, left))
        pause = min(pause * _FACTOR, _LONGEST)
