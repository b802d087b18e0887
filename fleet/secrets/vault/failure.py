"""Why Vault gave no answer: one error a cause, so that what to do about it is told apart.

    VaultError              Vault said no, and not in a way that is known here
    +- VaultAddressRefused  an address that is not asked: no https, or more than scheme, host and port
    +- VaultPathRefused     a path that is not asked for: nothing was sent
    +- VaultUnreachable     no connection or no answer (transient); VaultUntrusted: by its certificate
    +- VaultSealed          it stands but is sealed (transient)
    +- VaultStandby         a standby that sends people elsewhere, which is not followed (transient)
    +- VaultBehind          a node that has not heard yet of the version that another one told (transient)
    +- VaultLimited         429: ``retry_after`` seconds (transient)
    +- VaultLoginFailed     the auth method lets the role or its credential not in (transient)
    +- VaultForbidden       the policy does not give it (transient)
    +- VaultMountMissing    no engine is mounted there
    +- VaultEngineMismatch  KV v1 read as v2, or the reverse; or no KV at all
    +- VaultPathMissing     Vault says positively that nothing is there
    +- VaultVersionDeleted  VaultVersionDestroyed: the version is there no more, its path is

Contract: texts name server, path, role and version. They quote no value, no token and nothing that a server answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from fleet.errors import FleetError

DEFAULT_PAUSE: Final = 5.0  # after a 429 that names no time: servers send none unless they are told to
LONGEST_PAUSE: Final = 3600.0


class VaultError(FleetError):
    """See the module. ``retry_after`` is in seconds from when it was raised, 0 where nothing is known."""

    reason = "VaultError"

    def __init__(self, text: str, *, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class VaultAddressRefused(VaultError):
    """An address that is not asked."""

    reason = "VaultAddressRefused"


class VaultPathRefused(VaultError):
    """A path that could be read as another one; nothing was sent."""

    reason = "VaultPathRefused"


class VaultUnreachable(VaultError):
    """No connection, no answer in time, or an answer that is none of Vault's."""

    reason = "VaultUnreachable"
    transient = True


class VaultUntrusted(VaultUnreachable):
    """Its certificate is not one that is trusted for this server."""


class VaultSealed(VaultError):
    """Sealed, or not yet initialized: somebody has to unseal it."""

    reason = "VaultSealed"
    transient = True


class VaultStandby(VaultError):
    """A standby node that does not forward; its redirect is not followed, since the token would go along."""

    reason = "VaultStandby"
    transient = True


class VaultBehind(VaultError):
    """What answers has an older version than is known to be there: a replica that follows later."""

    reason = "VaultBehind"
    transient = True


class VaultLimited(VaultError):
    """A quota of Vault: nothing is asked of it for ``retry_after`` seconds."""

    reason = "VaultLimited"
    transient = True


class VaultLoginFailed(VaultError):
    """The auth method refuses the role or the credential."""

    reason = "VaultLoginFailed"
    transient = True


class VaultForbidden(VaultError):
    """The policies of the role do not give what was asked for."""

    reason = "VaultForbidden"
    transient = True


class VaultMountMissing(VaultError):
    """No secrets engine is mounted at the path, or there is no such namespace."""

    reason = "VaultMountMissing"


class VaultEngineMismatch(VaultError):
    """What is mounted there is not the engine that it is read as."""

    reason = "VaultEngineMismatch"


class VaultVersionMismatch(VaultEngineMismatch):
    """What is mounted there is a KV engine of the other version than it is read as."""


class VaultPathMissing(VaultError):
    """The engine is there, and holds nothing at the path or no such version."""

    reason = "VaultPathMissing"


class VaultVersionDeleted(VaultError):
    """The version is deleted, and could be undeleted."""

    reason = "VaultVersionDeleted"


class VaultVersionDestroyed(VaultError):
    """The version is destroyed for good."""

    reason = "VaultVersionDestroyed"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is no success. ``words`` are the server's, to judge by and never to repeat."""

    status: int
    words: str = field(default="", repr=False)
    retry_after: str = field(default="", repr=False)
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def no_route(self) -> bool:
        """Whether nothing is mounted where it was sent."""
        return self.status == HTTPStatus.NOT_FOUND and "no handler for route" in self.words

    @property
    def no_namespace(self) -> bool:
        """Whether the namespace is not there."""
        return self.status == HTTPStatus.NOT_FOUND and "namespace not found" in self.words

    @property
    def denied(self) -> bool:
        """Whether the token or its policies are refused."""
        return self.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def unavailable(server: str, refusal: Refusal) -> VaultError | None:
    """The error of an answer that says more of the server than of what was asked; None for any other."""
    status, words = refusal.status, refusal.words
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        seconds = pause(refusal.retry_after)
        return VaultLimited(
            f"Vault {server} takes no more requests now (429): a rate limit holds",
            retry_after=seconds,
        )
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return VaultStandby(
            f"Vault {server} sends elsewhere (status {status}), which is not followed: it is a standby that does not "
            f"forward; name the address of the active node or of a load balancer that finds it"
        )
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return VaultUnreachable(f"what answers at {server} is no Vault")
    failed = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if status == HTTPStatus.PRECONDITION_FAILED or (failed and ("not active" in words or "standby" in words)):
        return VaultStandby(f"Vault {server} is a standby that has no active node to forward to")
    if failed and ("sealed" in words or "not initialized" in words):
        return VaultSealed(f"Vault {server} is sealed: it answers once somebody has unsealed it")
    if status == HTTPStatus.BAD_REQUEST and "upgrading" in words:
        return VaultUnreachable(f"Vault {server} is still making ready the engine that is asked")
    if failed or status == HTTPStatus.REQUEST_TIMEOUT:
        return VaultUnreachable(f"Vault {server} failed (status {status})")
    return None


def too_deep(server: str, what: object) -> VaultError:
    """The error of a value that cannot be gone through: it says nothing of its server."""
    return VaultError(f"Vault {server}: {what}: lists and maps in it are nested too deep: write it flatter")


def pause(retry_after: str) -> float:
    """Seconds of a Retry-After, which Vault writes as a number."""
    try:
        seconds = float(retry_after)
    except ValueError:
        return DEFAULT_PAUSE
    return min(max(seconds, 1.0), LONGEST_PAUSE) if seconds == seconds else DEFAULT_PAUSE  # noqa: PLR0124 (no number)


def again(error: VaultError, retry_after: float | None = None) -> VaultError:
    """The same error as a value of its own: without the frames in which it was raised, which hold what they held."""
    return type(error)(error.text, retry_after=error.retry_after if retry_after is None else retry_after)
