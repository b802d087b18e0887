"""Kinds of Secrets that nobody may have made from a form: the API server would give them powers of its own.

A token of a ServiceAccount is minted with the rights of whoever applies it; a bootstrap token lets machines join.
"""

from __future__ import annotations

from typing import Final

from fleet.errors import FleetError
from fleet.model import ObjectRef

_TYPES: Final = {
    "kubernetes.io/service-account-token": "the API server would mint a token of a ServiceAccount for it",
    "bootstrap.kubernetes.io/token": "machines could join the cluster with it",
}


class SecretRefused(FleetError):
    """What stands for a Secret cannot become one as it is written; ``field`` is at fault."""

    reason = "SecretRefused"


def check(ref: ObjectRef, kind: str) -> None:
    """Raise SecretRefused for a type that is refused."""
    why = _TYPES.get(kind)
    if why:
        raise SecretRefused(
            f"{ref}: a Secret of type {kind} is not made from a form: {why}", ref=ref, field="type"
        )
