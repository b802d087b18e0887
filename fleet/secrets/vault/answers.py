"""An answer of Vault that is no success -> our own error, by question.

Contract: pure. A 404 of a KV engine says nothing yet: an engine of the other version, and a path that is not there,
answer alike. Such errors are `Unclear`, until `mounted` has seen what stands at the path.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fleet.secrets.vault.failure import (
    Refusal,
    VaultEngineMismatch,
    VaultError,
    VaultForbidden,
    VaultLoginFailed,
    VaultMountMissing,
    VaultPathMissing,
    VaultVersionDeleted,
    VaultVersionDestroyed,
    VaultVersionMismatch,
    unavailable,
)
from fleet.secrets.vault.question import Verb, api_path, policy_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.secrets.vault.address import KvPath, Login
    from fleet.secrets.vault.question import Question

_LOGIN: Final = frozenset({400, 401, 403, 404})


class Unclear(VaultError):
    """A 404: the path is not there, or another engine stands there."""


def error(login: Login, question: Question, refusal: Refusal) -> VaultError:
    """What to raise for a refusal."""
    found = unavailable(login.server, refusal)
    if found is not None:
        return found
    if question.verb is Verb.LOGIN and refusal.status in _LOGIN:
        return _login(login, refusal)
    path = question.path
    if path is None:
        what = f"Vault {place(login)}: {question.verb.value}"
        return VaultForbidden(f"{what}: refused") if refusal.denied else _unknown(what, refusal)
    return _of_path(login, question, path, refusal)


def mounted(login: Login, question: Question, path: KvPath, found: Mapping[str, Any]) -> VaultError:
    """What a 404 means where ``found`` is the answer to `Verb.MOUNT`."""
    what = f"Vault {place(login)}: {path}"
    data = found.get("data") or {}
    kind = data.get("type")
    mount = str(data.get("path") or "").strip("/")
    if kind not in ("kv", "generic"):
        return VaultEngineMismatch(f"{what}: what is mounted at {path.mount} is no KV engine")
    if mount != path.mount:
        return VaultMountMissing(
            f"{what}: no engine is mounted at {path.mount} itself, but above or below it"
        )
    engine = 2 if str((data.get("options") or {}).get("version")) == "2" else 1
    if engine != path.engine:
        return VaultVersionMismatch(
            f"{what}: {path.mount} is KV version {engine}, and read as version {path.engine}"
        )
    if question.number:
        return VaultPathMissing(f"{what}: it does not exist, or has no version {question.number}")
    return VaultPathMissing(f"{what}: it does not exist")


def place(login: Login) -> str:
    """Server and namespace, as errors name them."""
    return f"{login.server} namespace {login.namespace}" if login.namespace else login.server


def _of_path(login: Login, question: Question, path: KvPath, refusal: Refusal) -> VaultError:
    what = f"Vault {place(login)}: {path}"
    if refusal.denied:
        if question.verb is Verb.MOUNT:
            return VaultForbidden(f"{what}: role {login.role} sees no mount there")
        return VaultForbidden(
            f"{what}: role {login.role} may not read {api_path(path, question.verb)}, or its mount is not there; a "
            f"policy gives it with: {policy_line(path, question.verb)}"
        )
    if refusal.no_namespace or refusal.no_route:
        return VaultMountMissing(
            f"{what}: there is no namespace {login.namespace}"
            if refusal.no_namespace
            else f"{what}: no secrets engine is mounted at {path.mount}"
        )
    if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED:
        return VaultEngineMismatch(f"{what}: what is mounted at {path.mount} is no KV engine")
    if refusal.status == HTTPStatus.NOT_FOUND:
        return _version(what, question, refusal) or Unclear(f"{what}: not found")
    return _unknown(what, refusal)


def _login(login: Login, refusal: Refusal) -> VaultLoginFailed:
    what = f"Vault {place(login)}: {login.method.value} login of role {login.role} at auth/{login.mount}"
    if refusal.no_route:
        return VaultLoginFailed(f"{what} failed: no auth method is mounted there")
    if refusal.status == HTTPStatus.NOT_FOUND:
        return VaultLoginFailed(f"{what} failed: there is no such namespace or auth method")
    return VaultLoginFailed(
        f"{what} failed (status {refusal.status}): there is no such role, or it does not take this credential"
    )


def _version(what: str, question: Question, refusal: Refusal) -> VaultError | None:
    """The error of a version that was deleted: KV v2 answers 404 with its metadata."""
    data = refusal.body.get("data")
    told = data.get("metadata") if isinstance(data, dict) else None
    if question.verb is not Verb.DATA or not isinstance(told, dict):
        return None
    number = int(told.get("version") or question.number)
    if told.get("destroyed"):
        return VaultVersionDestroyed(f"{what}: version {number} is destroyed")
    return VaultVersionDeleted(f"{what}: version {number} is deleted")


def _unknown(what: str, refusal: Refusal) -> VaultError:
    return VaultError(f"{what}: refused (status {refusal.status})")
