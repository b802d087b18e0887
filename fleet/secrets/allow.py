"""The second fence: what the Projects of an Application allow of Vault, and as whom the hub logs in for it.

Contract: pure. Asked with what will be sent, facts filled in and checked. A store of Git says where somebody wants to
read; a rule of each Project of the chain must cover all of that, and the Application's own Project says as whom. Rules
are globs, in which ``*`` stands for any characters, ``/`` too; the server and the method are taken literally.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fleet.errors import FleetError
from fleet.secrets.stores.store import KubernetesStore
from fleet.secrets.vault.address import Login, Method

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.model import VaultFence, VaultRule
    from fleet.secrets.want import Want

AUDIENCE: Final = "vault"


class VaultRefused(FleetError):
    """A Project does not allow to read there; the text says what to add to its ``spec.vault.allow``."""

    reason = "VaultRefused"


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who asks whom for what, in words."""

    server: str
    namespace: str
    method: str
    mount: str
    role: str
    path: str


def login(want: Want, fences: tuple[VaultFence, ...], account: str) -> Login:
    """The login with which a Want of Vault may be read. Raises VaultRefused.

    ``fences`` are those of the chain, the Application's own Project first; without any, nothing is allowed.
    ``account`` is the ServiceAccount of the hub that logs in with a token (JWT, Kubernetes).
    """
    if isinstance(want.store, KubernetesStore):
        raise TypeError("a Secret of the hub is read without a login")
    if not fences:
        raise VaultRefused(f"Vault path {want.path}: no Project allows it", field="spec.vault.allow")
    own = fences[0]
    if want.store is None:
        asked, rule, ca = *_placeholder(own, str(want.path)), ""
    else:
        store = want.store
        asked = _Asked(
            store.server, store.namespace, store.method, store.auth_mount, store.role, str(want.path)
        )
        rule, ca = _covering(own, asked), store.ca
        if store.secret and rule.secret and store.secret != rule.secret:
            raise VaultRefused(
                f"Vault {asked.server}: the store takes its secret id from Secret {store.secret}, and Project "
                f"{own.project} allows that of Secret {rule.secret}",
                field="spec.vault.allow",
            )
    for fence in fences[1:]:
        _covering(fence, asked, rule.secret)
    return _login(own, rule, asked, account, rule.ca or ca)


def covers(globs: Iterable[str], text: str) -> bool:
    """Whether one of the globs matches all of the text; none of them allows nothing."""
    return any(_glob(glob, text) for glob in globs)


def _login(own: VaultFence, rule: VaultRule, asked: _Asked, account: str, ca: str) -> Login:
    method = Method(asked.method)
    if method is Method.APPROLE:
        if not rule.secret:
            raise VaultRefused(
                f"Vault {asked.server}: Project {own.project} allows AppRole {asked.role} and names no Secret of the "
                f"hub that holds its secret id: add it to spec.vault.allow",
                field="spec.vault.allow",
            )
        return Login(
            asked.server, asked.namespace, method, asked.mount, asked.role, secret=rule.secret, ca=ca
        )
    audience = rule.audience or (AUDIENCE if method is Method.JWT else "")
    return Login(asked.server, asked.namespace, method, asked.mount, asked.role, account, audience, ca=ca)


def _covering(fence: VaultFence, asked: _Asked, secret: str = "") -> VaultRule:
    """The first rule of a Project that covers what is asked, and its Secret where that is given."""
    for rule in fence.rules:
        if (
            (_server(rule.server), rule.method) == (asked.server, asked.method)
            and _glob(rule.namespace.removesuffix("/"), asked.namespace)
            and _glob(rule.mount, asked.mount)
            and _glob(rule.role, asked.role)
            and covers(rule.paths, asked.path)
            and (not secret or rule.secret in ("", secret))
        ):
            return rule
    where = f"namespace {asked.namespace}, " if asked.namespace else ""
    raise VaultRefused(
        f"Vault path {asked.path} is not allowed by Project {fence.project}: add to its spec.vault.allow a rule with "
        f"server {asked.server}, {where}method {asked.method}, mount {asked.mount}, role {asked.role} and "
        f"path {asked.path}",
        field="spec.vault.allow",
    )


def _placeholder(own: VaultFence, path: str) -> tuple[_Asked, VaultRule]:
    """A placeholder names no server: the only rule that covers its path does."""
    found: list[tuple[_Asked, VaultRule]] = []
    for rule in own.rules:
        if covers(rule.paths, path):
            asked = _Asked(
                _server(rule.server),
                rule.namespace.removesuffix("/"),
                rule.method,
                rule.mount,
                rule.role,
                path,
            )
            if all(asked != one for one, _ in found):
                found.append((asked, rule))
    if not found:
        raise VaultRefused(
            f"Vault path {path} is not allowed by Project {own.project}: add a rule with path {path} to its "
            "spec.vault.allow",
            field="spec.vault.allow",
        )
    if len(found) > 1:
        first, second = found[0][0], found[1][0]
        raise VaultRefused(
            f"Vault path {path} is allowed by Project {own.project} at {_called(first)} and at {_called(second)}: a "
            "placeholder names no server, so one rule alone may cover it",
            field="spec.vault.allow",
        )
    asked, rule = found[0]
    if any("*" in text for text in (asked.namespace, asked.mount, asked.role)):
        raise VaultRefused(
            f"Vault path {path}: the rule of Project {own.project} for {asked.server} leaves namespace, mount or role "
            "open with *, and a placeholder says none of them: add a rule that says all",
            field="spec.vault.allow",
        )
    return asked, rule


def _called(asked: _Asked) -> str:
    where = f", namespace {asked.namespace}" if asked.namespace else ""
    return f"{asked.server}{where} (mount {asked.mount}, role {asked.role})"


def _server(text: str) -> str:
    return text.removesuffix("/").lower()


def _glob(glob: str, text: str) -> bool:
    """Whether the glob matches the whole text; each piece is taken where it comes first, so nothing is tried twice."""
    first, *rest = glob.split("*")
    if not rest:
        return glob == text
    if not text.startswith(first):
        return False
    *middle, last = rest
    at = len(first)
    for piece in middle:
        found = text.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return len(text) - at >= len(last) and text.endswith(last)
