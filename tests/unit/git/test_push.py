"""Push events of the forges."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from fleet.git import push
from fleet.git.push import PushEvent, PushRefused, verify

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = b"s3cret"
NOW = 1_700_000_000.0
COMMIT = "c" * 40
ZERO = "0" * 40


def secrets(url: str) -> Iterator[bytes]:
    if "acme/deploy" in url:
        yield SECRET


def hexed(body: bytes, secret: bytes = SECRET) -> str:
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def github(content: Any, event: str = "push", secret: bytes = SECRET) -> tuple[dict[str, str], bytes]:
    body = json.dumps(content).encode()
    return {"X-GitHub-Event": event, "X-Hub-Signature-256": "sha256=" + hexed(body, secret)}, body


REPOSITORY = {
    "clone_url": "https://github.com/acme/deploy.git",
    "ssh_url": "git@github.com:acme/deploy.git",
    "html_url": "https://github.com/acme/deploy",
    "git_url": "git://github.com/acme/deploy.git",
}
PUSH = {"ref": "refs/heads/feature/one/two", "before": ZERO, "after": COMMIT, "repository": REPOSITORY}
URLS = (
    "https://github.com/acme/deploy.git",
    "git@github.com:acme/deploy.git",
    "https://github.com/acme/deploy",
)


def test_github() -> None:
    assert verify(*github(PUSH), secrets) == PushEvent(URLS, "refs/heads/feature/one/two", COMMIT)


def test_header_names_count_in_any_case() -> None:
    headers, body = github(PUSH)
    assert verify({name.upper(): value for name, value in headers.items()}, body, secrets).commit == COMMIT


@pytest.mark.parametrize("header", ["X-Gitea", "X-Gogs"])
def test_gitea(header: str) -> None:
    body = json.dumps(PUSH).encode()
    headers = {f"{header}-Event": "push", f"{header}-Signature": hexed(body)}
    assert verify(headers, body, secrets) == PushEvent(URLS, "refs/heads/feature/one/two", COMMIT)


GITLAB = {
    "object_kind": "push",
    "ref": "refs/heads/main",
    "after": COMMIT,
    "checkout_sha": COMMIT,
    "project": {
        "git_http_url": "https://gitlab.example/acme/deploy.git",
        "git_ssh_url": "git@gitlab.example:acme/deploy.git",
        "web_url": "https://gitlab.example/acme/deploy",
    },
}


def test_gitlab_by_token() -> None:
    headers = {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": "s3cret"}
    found = verify(headers, json.dumps(GITLAB).encode(), secrets)
    assert (found.ref, found.commit) == ("refs/heads/main", COMMIT)
    assert "git@gitlab.example:acme/deploy.git" in found.urls


@pytest.mark.parametrize("secret", [SECRET, b"whsec_" + base64.b64encode(b"raw key")])
def test_gitlab_by_standard_webhooks(secret: bytes) -> None:
    body = json.dumps(GITLAB).encode()
    key = b"raw key" if secret.startswith(b"whsec_") else secret
    signed = b"id-1." + str(int(NOW)).encode() + b"." + body
    proof = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    headers = {
        "X-Gitlab-Event": "Push Hook",
        "webhook-id": "id-1",
        "webhook-timestamp": str(int(NOW)),
        "webhook-signature": f"v1,{base64.b64encode(b'other').decode()} v1,{proof}",
    }
    assert verify(headers, body, lambda _: [secret], now=NOW).commit == COMMIT
    for changed in (
        {"webhook-id": "id-2"},
        {"webhook-timestamp": str(int(NOW) + 1)},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": f"v2,{proof}"},
    ):
        with pytest.raises(PushRefused):
            verify(headers | changed, body, lambda _: [secret], now=NOW)
    with pytest.raises(PushRefused):
        verify(headers, body, lambda _: [secret], now=NOW + 400)


def bitbucket(changes: Any) -> tuple[dict[str, str], bytes]:
    links = {"html": {"href": "https://bitbucket.org/acme/deploy"}}
    body = json.dumps({"push": {"changes": changes}, "repository": {"links": links}}).encode()
    return {"X-Event-Key": "repo:push", "X-Hub-Signature": "sha256=" + hexed(body)}, body


def test_bitbucket() -> None:
    new = {"type": "branch", "name": "a/b", "target": {"hash": COMMIT}}
    assert verify(*bitbucket([{"new": new, "old": None}]), secrets) == PushEvent(
        ("https://bitbucket.org/acme/deploy",), "refs/heads/a/b", COMMIT
    )
    tag = {"type": "tag", "name": "v1", "target": {"hash": COMMIT}}
    assert verify(*bitbucket([{"new": tag}]), secrets).ref == "refs/tags/v1"
    gone = {"new": None, "old": {"type": "branch", "name": "a", "target": {"hash": COMMIT}}}
    assert verify(*bitbucket([gone]), secrets).commit == ""
    assert verify(*bitbucket([gone, {"new": new}]), secrets).commit == COMMIT


def test_bitbucket_server() -> None:
    clone = [
        {"href": "https://bb.example/scm/acme/deploy.git", "name": "http"},
        {"href": "ssh://git@bb.example:7999/acme/deploy.git", "name": "ssh"},
    ]
    content = {
        "eventKey": "repo:refs_changed",
        "repository": {"slug": "deploy", "links": {"clone": clone}},
        "changes": [{"ref": {"id": "refs/heads/main"}, "toHash": COMMIT, "type": "UPDATE"}],
    }
    body = json.dumps(content).encode()
    headers = {"X-Event-Key": "repo:refs_changed", "X-Hub-Signature": "sha256=" + hexed(body)}
    found = verify(headers, body, secrets)
    assert found.urls == tuple(link["href"] for link in clone)
    assert (found.ref, found.commit) == ("refs/heads/main", COMMIT)
    assert verify({"X-Event-Key": "diagnostics:ping"}, b'{"test": true}', secrets) == PushEvent()


@pytest.mark.parametrize("event", ["ping", "pull_request", "code_scanning_alert"])
def test_other_events_are_proved_and_then_ignored(event: str) -> None:
    assert verify(*github(PUSH, event), secrets) == PushEvent()
    with pytest.raises(PushRefused):
        verify(*github(PUSH, event, secret=b"wrong"), secrets)


def test_a_branch_that_went_names_no_commit() -> None:
    assert verify(*github(PUSH | {"after": ZERO, "deleted": True}), secrets).commit == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": "sha256=" + "0" * 64},
        {"X-Hub-Signature-256": "sha256=" + hexed(b"other")},
        {"X-Hub-Signature-256": "sha256=\udcff\udce9"},
        {"X-Hub-Signature-256": "sha256=é"},
        {"X-Hub-Signature": "sha1=" + hmac.new(SECRET, json.dumps(PUSH).encode(), hashlib.sha1).hexdigest()},
        {"X-Gitea-Signature": "sha256=" + hexed(json.dumps(PUSH).encode())},
        {"X-Gitlab-Token": ""},
        {"X-Gitlab-Token": "s3cre"},
        {"X-Gitlab-Token": "s3cret2"},
    ],
)
def test_what_is_not_proved_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(PushRefused, match="does not fit"):
        verify(headers, json.dumps(PUSH).encode(), secrets)


def test_a_body_that_was_changed_on_the_way_is_refused() -> None:
    headers, body = github(PUSH)
    with pytest.raises(PushRefused):
        verify(headers, body.replace(b"feature", b"other"), secrets)
    with pytest.raises(PushRefused):
        verify(headers, body + b" ", secrets)


@pytest.mark.parametrize("known", [[], [b""]])
def test_without_a_secret_nothing_is_believed(known: list[bytes]) -> None:
    headers, body = github(PUSH, secret=b"")
    with pytest.raises(PushRefused, match="no webhook secret is set"):
        verify(headers | {"X-Gitlab-Token": ""}, body, lambda _: known)


def test_one_repositorys_secret_does_not_prove_anothers_event() -> None:
    other = PUSH | {"repository": {"clone_url": "https://github.com/evil/fork.git"}}
    with pytest.raises(PushRefused, match="no webhook secret"):
        verify(*github(other), secrets)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff",
        b"[" * 100_000,
        b'{"repository": []}',
        b'{"repository": {"clone_url": 1, "links": []}}',
        b'{"repository": {"clone_url": "https://h/$x", "links": {"clone": {"href": 1}, "html": []}}}',
        b'{"repository": {"clone_url": "' + b"x" * 5000 + b'"}}',
    ],
)
def test_bodies_of_another_shape_are_refused(body: bytes) -> None:
    with pytest.raises(PushRefused):
        verify({"X-Hub-Signature-256": "sha256=" + hexed(body)}, body, lambda _: [SECRET])


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"ref": None},
        {"ref": 1, "after": []},
        {"ref": "main"},
        {"ref": "refs/pull/1/head"},
        {"ref": "refs/heads/" + "x" * 1000},
        {"push": {"changes": {}}},
        {"push": []},
        {"push": {"changes": [1, None, {"new": []}, {"new": {"name": 1}}, {"ref": {"id": 1}}]}},
        {"changes": "x"},
    ],
)
def test_events_that_name_no_branch_or_tag_are_ignored(content: dict[str, Any]) -> None:
    assert verify(*github(content | {"repository": REPOSITORY}), secrets) == PushEvent()


def test_only_urls_that_could_be_read_are_named() -> None:
    content = PUSH | {"repository": REPOSITORY | {"html_url": "https://u:p@github.com/acme/deploy"}}
    assert verify(*github(content), secrets).urls == URLS[:2]


OTHERS = "git@github.com:other/deploy.git"
BOTH = PUSH | {"repository": {"clone_url": URLS[0], "ssh_url": OTHERS}}


def test_a_secret_proves_the_urls_that_it_counts_for_and_no_other() -> None:
    def each(url: str) -> list[bytes]:
        return [SECRET] if "acme/" in url else [b"of another team"]

    assert verify(*github(BOTH), each).urls == (URLS[0],)
    assert verify(*github(BOTH, secret=b"of another team"), each).urls == (OTHERS,)
    with pytest.raises(PushRefused, match="does not fit"):
        verify(*github(BOTH, secret=b"of nobody"), each)


def test_a_url_without_a_secret_is_not_proved_by_that_of_another() -> None:
    assert verify(*github(BOTH), secrets).urls == (URLS[0],)


def test_several_secrets_of_one_url_prove_it_each() -> None:
    for secret in (SECRET, b"the next"):
        assert verify(*github(BOTH, secret=secret), lambda _: [SECRET, b"the next"]).urls == (URLS[0], OTHERS)


def test_what_is_not_signed_is_refused_unread() -> None:
    with pytest.raises(PushRefused, match="not signed"):
        verify({"X-GitHub-Event": "push"}, b"{", secrets)


def test_a_body_is_made_into_objects_only_once_it_is_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def loads(text: bytes) -> Any:
        read.append(len(text))
        return json.loads(text)

    monkeypatch.setattr(push, "json", SimpleNamespace(loads=loads))
    content = PUSH | {"commits": [{}] * 100_000}
    headers, body = github(content, secret=b"wrong")
    with pytest.raises(PushRefused, match="does not fit"):
        verify(headers, body, secrets)
    assert sum(read) < 1000
    assert verify(*github(content), secrets).commit == COMMIT
    assert read[-1] == len(body)


def test_a_name_longer_than_any_forge_makes_it_is_not_read() -> None:
    with pytest.raises(PushRefused, match="names no repository"):
        verify(*github(PUSH | {"repository": REPOSITORY | {"more": [0] * 100_000}}), secrets)
