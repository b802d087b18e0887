"""Where a value stands in Vault, and as whom it is read. Contract: pure values that hold nothing secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Method(StrEnum):
    """How the hub logs in, in the words of ``Project.spec.vault``."""

    JWT = "JWT"
    KUBERNETES = "Kubernetes"
    APPROLE = "AppRole"


@dataclass(frozen=True, slots=True, order=True)
class Login:
    """Whoever is equal in all of it shares one token.

    ``server`` is such as ``https://vault.example.com:8200``, ``namespace`` empty for the root; ``mount`` is where the
    auth method is, ``role`` its role (AppRole: the role id). JWT and Kubernetes log in with a token of the
    ServiceAccount ``account`` of the hub's namespace for ``audience``, AppRole with the secret id that the Secret
    ``secret`` of the hub's namespace holds. ``ca`` are certificates in PEM, empty for the system's.
    """

    server: str
    namespace: str
    method: Method
    mount: str
    role: str
    account: str = ""
    audience: str = ""
    secret: str = ""
    ca: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, order=True)
class KvPath:
    """A path below a KV engine, ``engine`` 1 or 2: ``KvPath("secret", "app/db", 2)``, never with ``data/``."""

    mount: str
    path: str
    engine: int = 2

    def __str__(self) -> str:
        return f"{self.mount}/{self.path}"
