"""One JSON patch that holds only for the object as it was read.

Contract: ``make`` computes the patch from metadata, and its first operation tests resourceVersion; None or no
operations mean that nothing is to be done. Where another writer was first the object is read again, three
times in all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fleet import names
from fleet.errors import Conflict, Invalid, NotFound
from fleet.kube import decode, failure, paths
from fleet.sync import existing

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.kube.request import Send
    from fleet.model import Meta, Resource

_TRIES: Final = 3


async def amend(
    send: Send, resource: Resource, meta: Meta, make: Callable[[Meta], list[dict[str, Any]] | None]
) -> Meta | None:
    """Patch it and return the metadata after that; None where the object is gone."""
    current: Meta | None = meta
    for left in reversed(range(_TRIES)):
        if current is None:
            return None
        operations = make(current)
        if not operations:
            return current
        try:
            answer = await send(paths.json_patch(resource, meta.ref, operations, names.FIELD_MANAGER))
        except NotFound:
            return None
        except (Conflict, Invalid) as refusal:
            overtaken = isinstance(refusal, Conflict) or refusal.cause == failure.PATCH_REFUSED
            if not left or not overtaken:
                raise
            current = await existing.read(send, resource, meta.ref)
        else:
            return decode.meta(answer.body, resource)
    raise AssertionError("the last try returns or raises")
