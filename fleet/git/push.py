"""Push events of forges: verified over the raw body, then read. Pure.

Contract: nothing of a body is believed before its signature fits a secret of the repository that it names; the
URL is read before only to find that secret. Compared in constant time, as bytes. Sources: GitHub "Validating
webhook deliveries" (``X-Hub-Signature-256``), Gitea "Webhooks" (``X-Gitea-Signature``, bare hex), Bitbucket
"Secure webhooks" (``X-Hub-Signature``), GitLab "Webhooks" (``X-Gitlab-Token``) and Standard Webhooks 1.0.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fleet.errors import FleetError

HEADS: Final = "refs/heads/"
_TOLERANCE: Final = 300.0
_LONGEST: Final = 2048
Secrets = Callable[[str], Iterable[bytes]]


class PushRefused(FleetError):
    """A push event that is not believed."""

    reason = "PushRefused"


@dataclass(frozen=True, slots=True)
class PushEvent:
    """What was pushed: the repository's URLs, the full ref name and its new commit, a hint and no more.

    ``urls`` is empty for an event that is no push (a ping).
    """

    urls: tuple[str, ...] = ()
    ref: str = ""
    commit: str = ""


def verify(headers: Mapping[str, str], body: bytes, secrets: Secrets) -> PushEvent:
    """The event, once it is proved. ``secrets`` gives those that count for a URL. Raises `PushRefused`."""
    given = {name.lower(): value for name, value in headers.items()}
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise PushRefused("the body is no JSON") from None
    if not isinstance(content, dict):
        raise PushRefused("the body is no JSON object")
    named = tuple(dict.fromkeys(_urls(content)))
    known = [secret for url in named for secret in secrets(url) if secret]
    if not known:
        raise PushRefused("no webhook secret is set for the repository of this event")
    if not any(_proved(given, body, secret) for secret in dict.fromkeys(known)):
        raise PushRefused("the signature does not fit the webhook secret")
    ref, commit = _pushed(content)
    return PushEvent(named if ref else (), ref, commit)


def _proved(headers: Mapping[str, str], body: bytes, secret: bytes) -> bool:
    digest = hmac.new(secret, body, hashlib.sha256).hexdigest().encode()
    for name, prefix in _HMACS:
        if name in headers:
            return hmac.compare_digest(prefix + digest, headers[name].strip().encode(errors="replace"))
    if "webhook-signature" in headers:
        return _standard(headers, body, secret)
    if "x-gitlab-token" in headers:
        return hmac.compare_digest(secret, headers["x-gitlab-token"].encode(errors="replace"))
    return False


_HMACS: Final = (
    ("x-hub-signature-256", b"sha256="),
    ("x-gitea-signature", b""),
    ("x-hub-signature", b"sha256="),
)


def _standard(headers: Mapping[str, str], body: bytes, secret: bytes) -> bool:
    identity, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    try:
        fresh = abs(time.time() - int(stamp)) <= _TOLERANCE
        key = base64.b64decode(secret.removeprefix(b"whsec_")) if secret.startswith(b"whsec_") else secret
    except ValueError:
        return False
    signed = f"{identity}.{stamp}.".encode() + body
    wanted = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    given = headers["webhook-signature"].encode(errors="replace").split()
    return fresh and any(hmac.compare_digest(wanted, one) for one in given)


def _urls(content: Mapping[str, Any]) -> Iterator[str]:
    """Every URL by which the forges' forms name the repository."""
    repository = content.get("repository")
    project = content.get("project")
    for found in (repository, project):
        if not isinstance(found, dict):
            continue
        for key in ("clone_url", "ssh_url", "html_url", "git_http_url", "git_ssh_url", "http_url", "web_url"):
            yield from _text(found.get(key))
        links = found.get("links")
        if isinstance(links, dict):
            yield from _links(links)


def _links(links: Mapping[str, Any]) -> Iterator[str]:
    """Bitbucket's: ``html.href``; Bitbucket Server's: ``clone[].href``."""
    html = links.get("html")
    if isinstance(html, dict):
        yield from _text(html.get("href"))
    clones = links.get("clone")
    for clone in clones if isinstance(clones, list) else ():
        if isinstance(clone, dict):
            yield from _text(clone.get("href"))


def _text(value: object) -> Iterator[str]:
    if isinstance(value, str) and 0 < len(value) <= _LONGEST:
        yield value


def _pushed(content: Mapping[str, Any]) -> tuple[str, str]:
    """Ref and commit: GitHub, Gitea and GitLab say both at the top, Bitbucket in its list of changes."""
    ref, after = content.get("ref"), content.get("after") or content.get("checkout_sha")
    if isinstance(ref, str) and ref.startswith("refs/"):
        return ref, after if isinstance(after, str) else ""
    push = content.get("push")
    changes = push.get("changes") if isinstance(push, dict) else content.get("changes")
    for change in changes if isinstance(changes, list) else ():
        if not isinstance(change, dict):
            continue
        new = change.get("new")
        if isinstance(new, dict) and isinstance(new.get("name"), str):
            target = new.get("target")
            commit = target.get("hash") if isinstance(target, dict) else ""
            return f"{HEADS}{new['name']}", commit if isinstance(commit, str) else ""
        reference = change.get("ref")
        if isinstance(reference, dict) and isinstance(reference.get("id"), str):
            to = change.get("toHash")
            return reference["id"], to if isinstance(to, str) else ""
    return "", ""
