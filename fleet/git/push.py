"""Push events of forges: verified over the raw body, then read. Pure, but for the time of day.

Contract: nothing of a body is believed before its signature fits a secret of the repository that it names, and
of what it names only that which one of its own secrets proves; the URLs are read before only to find these secrets,
and what comes of it all is a fetch. A body that is not proved costs little: it is not made into objects. Compared in
constant time, as bytes. Sources: GitHub "Validating webhook deliveries" (``X-Hub-Signature-256``), Gitea "Webhooks"
(``X-Gitea-Signature``, bare hex), Bitbucket "Secure webhooks" (``X-Hub-Signature``), GitLab "Webhooks"
(``X-Gitlab-Token``) and Standard Webhooks 1.0 (``webhook-signature``). SHA-1 is not taken.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fleet import urls
from fleet.errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Secrets = Callable[[str], Iterable[bytes]]

HEADS: Final = "refs/heads/"
TAGS: Final = "refs/tags/"
_TOLERANCE: Final = 300.0
_MOST_URLS: Final = 20
_LONGEST: Final = 300
_MOST_NAMES: Final = 64 << 10  # bytes of what names the repository; forges send a tenth of it
# Header: the event, in lower case; value: what a push is called there.
_EVENTS: Final = (
    ("x-gitlab-event", frozenset({"Push Hook", "Tag Push Hook", "System Hook"})),
    ("x-gitea-event", frozenset({"push"})),
    ("x-gogs-event", frozenset({"push"})),
    ("x-github-event", frozenset({"push"})),
    ("x-event-key", frozenset({"repo:push", "repo:refs_changed"})),
)
_HMACS: Final = (
    ("x-hub-signature-256", b"sha256="),
    ("x-gitea-signature", b""),
    ("x-gogs-signature", b""),
    ("x-hub-signature", b"sha256="),
)
_PROOFS: Final = (*(name for name, _ in _HMACS), "x-gitlab-token", "webhook-signature")
_URLS: Final = ("clone_url", "ssh_url", "html_url", "git_http_url", "git_ssh_url", "http_url", "web_url")


class _Names(msgspec.Struct):
    """What names the repository, as it was sent; the rest of the body is passed over."""

    repository: msgspec.Raw = msgspec.Raw(b"null")
    project: msgspec.Raw = msgspec.Raw(b"null")


_READ: Final = msgspec.json.Decoder(_Names)


class PushRefused(FleetError):
    """A push event that is not believed."""

    reason = "PushRefused"


@dataclass(frozen=True, slots=True)
class PushEvent:
    """What was pushed: the repository's URLs that are proved, the full ref name and its new commit, a hint and no more.

    ``urls`` is empty for an event that is no push (a ping). ``commit`` is empty for a ref that went.
    """

    urls: tuple[str, ...] = ()
    ref: str = ""
    commit: str = ""


def verify(
    headers: Mapping[str, str], body: bytes, secrets: Secrets, *, now: float | None = None
) -> PushEvent:
    """The event, as far as it is proved; raises `PushRefused` where it is for no URL that it names.

    ``secrets`` gives those that count for a URL: what one of them signs proves that URL, and no other.
    A delivery that carries its time (Standard Webhooks) is refused when it is five minutes off ``now``.
    """
    given = {name.lower(): value for name, value in headers.items()}
    if given.get("x-event-key") == "diagnostics:ping":
        return PushEvent()  # Bitbucket Server's test: it names no repository, is not signed, and does nothing
    if given.keys().isdisjoint(_PROOFS):
        raise PushRefused("the event is not signed: set the webhook secret at the forge")
    named = tuple(dict.fromkeys(_urls(_names(body))))[:_MOST_URLS]
    if not named:
        raise PushRefused("the event names no repository")
    known = {url: tuple(filter(None, secrets(url))) for url in named}
    if not any(known.values()):
        raise PushRefused("no webhook secret is set for the repository of this event")
    moment = time.time() if now is None else now
    fits = cache(lambda secret: _proved(given, body, secret, moment))
    proven = tuple(url for url, several in known.items() if any(map(fits, several)))
    if not proven:
        raise PushRefused("the signature does not fit the webhook secret")
    if not _is_push(given):
        return PushEvent()
    ref, commit = _pushed(_content(body))
    return PushEvent(proven, ref, commit) if ref else PushEvent()


def _names(body: bytes) -> dict[str, Any]:
    """The parts that name the repository, where they are no longer than a forge makes them."""
    try:
        found = _READ.decode(body)
        parts = {"repository": bytes(found.repository), "project": bytes(found.project)}
        return {key: json.loads(part) for key, part in parts.items() if len(part) <= _MOST_NAMES}
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise PushRefused("the body is no JSON object") from None


def _content(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise PushRefused("the body is no JSON") from None
    if not isinstance(content, dict):
        raise PushRefused("the body is no JSON object")
    return content


def _is_push(headers: Mapping[str, str]) -> bool:
    """By the forge's own header; an event without any is taken for one, as it is proved."""
    return next((headers[name] in words for name, words in _EVENTS if name in headers), True)


def _proved(headers: Mapping[str, str], body: bytes, secret: bytes, now: float) -> bool:
    """Whether one of the proofs fits: each needs the secret, so adding others gains nothing."""
    digest = hmac.new(secret, body, hashlib.sha256).hexdigest().encode()
    proofs = [(prefix + digest, headers[name].strip()) for name, prefix in _HMACS if name in headers]
    if "x-gitlab-token" in headers:
        proofs.append((secret, headers["x-gitlab-token"]))
    if any(hmac.compare_digest(wanted, _bytes(shown)) for wanted, shown in proofs):
        return True
    return "webhook-signature" in headers and _standard(headers, body, secret, now)


def _standard(headers: Mapping[str, str], body: bytes, secret: bytes, now: float) -> bool:
    identity, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    try:
        fresh = abs(now - int(stamp)) <= _TOLERANCE
        key = base64.b64decode(secret.removeprefix(b"whsec_")) if secret.startswith(b"whsec_") else secret
    except ValueError:
        return False
    signed = _bytes(f"{identity}.{stamp}.") + body
    wanted = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    given = _bytes(headers["webhook-signature"]).split()
    return fresh and any(hmac.compare_digest(wanted, one) for one in given)


def _bytes(text: str) -> bytes:
    # Headers come as aiohttp read them: bytes that are no UTF-8 as surrogates.
    return text.encode("utf-8", "surrogateescape")


def _urls(content: Mapping[str, Any]) -> Iterator[str]:
    """Every URL by which the forges' forms name the repository, as far as it is one that could be read."""
    for found in (content.get("repository"), content.get("project")):
        if isinstance(found, dict):
            yield from filter(_readable, (found.get(key) for key in _URLS))
            yield from filter(_readable, _links(found.get("links")))


def _links(links: object) -> Iterator[object]:
    """Bitbucket's: ``html.href``; Bitbucket Server's: ``clone[].href``."""
    if not isinstance(links, dict):
        return
    clones = links.get("clone")
    for link in (links.get("html"), *(clones if isinstance(clones, list) else ())):
        if isinstance(link, dict):
            yield link.get("href")


def _readable(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return bool(urls.parse(value).segments)
    except ValueError:
        return False


def _pushed(content: Mapping[str, Any]) -> tuple[str, str]:
    """Ref and commit: GitHub, Gitea and GitLab say both at the top, Bitbucket in its list of changes."""
    if isinstance(content.get("ref"), str):
        return _named(content["ref"], content.get("after"))
    push = content.get("push")
    changes = push.get("changes") if isinstance(push, dict) else content.get("changes")
    found = ("", "")
    for change in changes if isinstance(changes, list) else ():
        if isinstance(change, dict):
            found = _change(change)
            if found[1]:
                break
    return found


def _change(change: Mapping[str, Any]) -> tuple[str, str]:
    # Bitbucket Server: "ref" with the full name as its id, and "toHash".
    reference = change.get("ref")
    if isinstance(reference, dict):
        return _named(reference.get("id"), change.get("toHash"))
    # Bitbucket: "new" and "old" with type, name and target.hash; "new" is null where the branch went.
    new = change.get("new")
    there = new if isinstance(new, dict) else change.get("old")
    if not isinstance(there, dict) or not isinstance(there.get("name"), str):
        return "", ""
    target = there.get("target")
    commit = target.get("hash") if there is new and isinstance(target, dict) else ""
    return _named((TAGS if there.get("type") == "tag" else HEADS) + there["name"], commit)


def _named(ref: object, commit: object) -> tuple[str, str]:
    """Both as text, if the ref is a branch or tag; a hash of zeros says that it went."""
    if not isinstance(ref, str) or not ref.startswith((HEADS, TAGS)) or len(ref) > _LONGEST:
        return "", ""
    if not isinstance(commit, str) or not commit.strip("0") or len(commit) > _LONGEST:
        return ref, ""
    return ref, commit
