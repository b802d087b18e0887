"""Requests on behalf of a ServiceAccount: the API server judges them by that account's rights.

Contract: writes and dry runs act as the account; reads stay those of the door's own credential. The server adds
the account's groups by itself, so that no right to impersonate groups is needed. A refusal names the account
and what it lacks.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from fleet.errors import Forbidden
from fleet.kube.request import Answer, Request, Send

if TYPE_CHECKING:
    from collections.abc import Callable

IMPERSONATE: Final = "Impersonate-User"
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_WHO: Final = "the credential"


@dataclass(frozen=True, slots=True)
class Acting(Request):
    """A request as somebody else; ``account`` is a ServiceAccount as ``namespace/name``."""

    account: str = ""

    @property
    def user(self) -> str:
        """The account as the API server calls it."""
        namespace, _, name = self.account.partition("/")
        return f"system:serviceaccount:{namespace}:{name}"


_FIELDS: Final = tuple(one.name for one in fields(Request))


def acting(send: Send, account: str | None, ask: Callable[[], None] | None = None) -> Send:
    """The door for one target: as its account (None: as the door is) once ``ask`` has not raised."""

    async def through(request: Request) -> Answer:
        if request.verb in _READS:
            return await send(request)
        if ask is not None:
            ask()
        if account is None:
            return await send(request)
        given = {name: getattr(request, name) for name in _FIELDS}
        try:
            return await send(Acting(**given, account=account))
        except Forbidden as refusal:
            raise _named(refusal, account) from None

    return through


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
