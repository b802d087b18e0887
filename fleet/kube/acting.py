"""Requests on behalf of a target: as its ServiceAccount, and only while the target may still be written.

Contract: writes and dry runs act as the account, and the API server judges them by its rights; reads stay those
of the door's own credential. The server adds the account's groups by itself, so that no right to impersonate
groups is needed. ``permit`` is asked right before a write leaves, like the door's own. A refusal names the
account and what it lacks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final

from fleet.errors import Forbidden
from fleet.kube.request import Answer, Request, Send

IMPERSONATE: Final = "Impersonate-User"
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_WHO: Final = "the credential"

Permit = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Acting(Request):
    """A request on somebody's behalf; ``account`` is a ServiceAccount as ``namespace/name``, empty for nobody."""

    account: str = ""
    permit: Permit | None = None

    @property
    def user(self) -> str:
        """The account as the API server calls it; empty for nobody."""
        namespace, _, name = self.account.partition("/")
        return f"system:serviceaccount:{namespace}:{name}" if name else ""


_FIELDS: Final = tuple(one.name for one in fields(Request))


def acting(send: Send, account: str | None, permit: Permit | None = None) -> Send:
    """The door for one target."""

    async def through(request: Request) -> Answer:
        if request.verb in _READS:
            return await send(request)
        given = {name: getattr(request, name) for name in _FIELDS}
        try:
            return await send(Acting(**given, account=account or "", permit=permit))
        except Forbidden as refusal:
            if account is None:
                raise
            raise _named(refusal, account) from None

    return send if account is None and permit is None else through


def both(first: Permit | None, second: Permit | None) -> Permit | None:
    """The permit that needs both."""
    if first is None or second is None:
        return first or second
    return lambda: first() and second()


def _named(refusal: Forbidden, account: str) -> Forbidden:
    who = f"ServiceAccount {account}"
    if f"{_WHO} may not impersonate" in refusal.text:
        text = f"the hub may not act as {who} on the cluster: {refusal.text}"
    elif _WHO in refusal.text:
        text = refusal.text.replace(_WHO, who, 1)
    else:
        text = f"{refusal.text}, to {who}"
    error = Forbidden(text, status=refusal.status, word=refusal.word, ref=refusal.ref, field=refusal.field)
    error.cause = refusal.cause
    return error
