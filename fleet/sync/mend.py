"""An apply that is refused for who owns what, though the manifest is right.

Contract: one PATCH in the ordinary case. A refusal that ownership can explain is mended by one JSON patch on
managedFields and the same apply again: an entry of an old version (H22); a list item whose key a stranger
changed, or a field of a stranger that excludes ours (another source of a variable, another kind of probe). An
apply that is refused all the same gives back what was moved for it, and raises the last refusal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fleet import names
from fleet.errors import ApiError, ServerFailed
from fleet.kube import decode, failure, paths
from fleet.ownership import patches
from fleet.sync import existing
from fleet.sync.amend import amend

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.kube.request import Send
    from fleet.model import Meta
    from fleet.sync.shape import Shaped

_CREATED: Final = 201
_UNPROCESSABLE: Final = 422
_MENDS: Final = 3  # each moves something, and two lists of one object may be in the way
# What a validation says of two fields that exclude each other; all else is about one value, the manifest's own.
_IN_THE_WAY: Final = frozenset({failure.DUPLICATE, "FieldValueForbidden", "FieldValueInvalid"})


async def mended(send: Send, shaped: Shaped, adopt: frozenset[str] = frozenset()) -> tuple[Meta, bool]:
    """Apply, and say whether that created the object. ``adopt`` names tools whose fields may be moved first."""
    request = paths.apply(shaped.resource, shaped.ref, shaped.body, manager=names.FIELD_MANAGER)
    before: Meta | None = None
    mends = 0
    while True:
        try:
            answer = await send(request)
        except ApiError as refusal:
            mends += 1
            found = await _mend(send, shaped, refusal, adopt) if mends <= _MENDS else None
            if found is None:
                if before is not None:
                    await give_back(send, shaped, before)
                raise
            before = before or found
        else:
            return decode.meta(answer.body, shaped.resource), answer.status == _CREATED


async def give_back(send: Send, shaped: Shaped, before: Meta) -> Meta | None:
    """Give back what was moved into our entry since ``before``: it is of no use, and would be taken away later."""
    now = await existing.read(send, shaped.resource, shaped.ref)
    if now is None:
        return None
    return await amend(send, shaped.resource, now, lambda meta: patches.back(meta, before))


async def _mend(send: Send, shaped: Shaped, refusal: ApiError, adopt: frozenset[str]) -> Meta | None:
    """The object as it was before ownership was changed; None where ownership is not in the way."""
    make = _way(shaped, refusal, adopt)
    meta = await existing.read(send, shaped.resource, shaped.ref) if make is not None else None
    if make is None or meta is None:
        return None
    before = meta
    changed = False

    def noted(now: Meta) -> list[dict[str, Any]] | None:
        nonlocal before, changed
        operations = make(now)
        before, changed = now, bool(operations)
        return operations

    if await amend(send, shaped.resource, meta, noted) is None or not changed:
        return None
    return before


def _way(
    shaped: Shaped, refusal: ApiError, adopt: frozenset[str]
) -> Callable[[Meta], list[dict[str, Any]] | None] | None:
    """What may mend such a refusal."""
    # A manifest that does not fit its schema is refused in the same words, but as Invalid.
    if refusal.cause == failure.FIELD_NOT_DECLARED and isinstance(refusal, ServerFailed):
        version = "/".join(filter(None, (shaped.resource.group, shaped.resource.version)))
        return lambda now: patches.reversion(now, version)
    named = refusal.field or refusal.cause == failure.DUPLICATE
    if refusal.status == _UNPROCESSABLE and refusal.cause in _IN_THE_WAY and named:
        return lambda now: patches.move(now, refusal.field, adopt)
    return None
