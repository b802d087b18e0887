"""What is asked of a Vault, and the one way to ask. Contract: pure values; a credential is in no representation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from fleet.secrets.vault.address import KvPath, Login


class Verb(StrEnum):
    """The requests that the hub knows; none of them changes anything but the hub's own token."""

    SEAL = "seal status"
    LOGIN = "login"
    LOOKUP = "lookup of the token"
    RENEW = "renewal of the token"
    MOUNT = "mount"
    METADATA = "metadata"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Question:
    """One request. ``number`` is a version of KV v2, 0 for the newest; ``credential`` is what a login shows."""

    verb: Verb
    path: KvPath | None = None
    number: int = 0
    credential: str = field(default="", repr=False)


class Asks(Protocol):
    """What answers questions: the door, or a test around it."""

    async def ask(self, login: Login, token: str, question: Question) -> Mapping[str, Any]:
        """The answer's JSON. Raises `failure.VaultError`."""

    async def close(self) -> None:
        """Let go of threads and connections."""


def api_path(path: KvPath, verb: Verb) -> str:
    """The path of the API that a policy names."""
    if path.engine == 1:
        return f"{path.mount}/{path.path}"
    return f"{path.mount}/{'metadata' if verb is Verb.METADATA else 'data'}/{path.path}"


def policy_line(path: KvPath, verb: Verb) -> str:
    """What a policy has to hold so that the question is answered."""
    return f'path "{api_path(path, verb)}" {{ capabilities = ["read"] }}'
