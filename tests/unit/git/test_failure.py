"""What git wrote, in own words."""

from __future__ import annotations

import pytest

from fleet.errors import RepositoryRefused, RepositoryUnreachable, SourceError
from fleet.git import failure
from fleet.git.objects import Damaged
from fleet.git.process import GitFailed


@pytest.mark.parametrize(
    ("written", "kind", "text"),
    [
        ("fatal: Authentication failed for 'https://h/'", failure.Denied, "refused the credential"),
        ("fatal: could not read Username for 'https://h'", RepositoryUnreachable, "no repository Secret"),
        (
            "remote: Repository not found.\nfatal: repository 'https://h/' not found",
            RepositoryUnreachable,
            "no such",
        ),
        ("Host key verification failed.", RepositoryUnreachable, "knownHosts"),
        ("git@h: Permission denied (publickey).", RepositoryUnreachable, "SSH key"),
        ("fatal: unable to access 'x': SSL certificate problem: x", RepositoryUnreachable, "caData"),
        (
            "fatal: unable to access 'x': The requested URL returned error: 301",
            failure.Redirected,
            "redirects",
        ),
        (
            "fatal: unable to access 'x': The requested URL returned error: 503",
            RepositoryUnreachable,
            "failed",
        ),
        ("ssh: Could not resolve hostname h", RepositoryUnreachable, "not found"),
        ("error: object 1: fsck error in packed object", RepositoryRefused, "malformed"),
        ("error: object file x is empty\nfatal: loose object x is corrupt", Damaged, "made anew"),
        ("fatal: not a git repository: 'x'", Damaged, "made anew"),
        (
            "error: file write error: No space left on device\nbad object",
            RepositoryUnreachable,
            "disk is full",
        ),
        ("fatal: remote error: upload-pack: not our ref x", failure.NotGiven, "does not give"),
        ("remote: loose object x is corrupt", RepositoryUnreachable, "status 128"),
        ("fatal: remote error: is corrupt", RepositoryUnreachable, "status 128"),
        ("remote: Authentication failed for you\nremote: returned error: 302", RepositoryUnreachable, "128"),
        ("debug1: is corrupt, not found\nfatal: x", RepositoryUnreachable, "status 128"),
        (
            "fatal: unable to access 'x': CONNECT tunnel failed, response 407",
            RepositoryUnreachable,
            "credential",
        ),
        (
            "fatal: unable to access 'x': Received HTTP code 403 from proxy after CONNECT",
            RepositoryUnreachable,
            "proxy",
        ),
        ("fatal: unable to access 'x': Could not resolve proxy: p", RepositoryUnreachable, "proxy's host"),
        ("fatal: canary-canary", RepositoryUnreachable, "status 128"),
    ],
)
def test_signs_give_own_words(written: str, kind: type[SourceError], text: str) -> None:
    error = failure.explain(GitFailed(128, written.encode()), 30)
    assert type(error) is kind
    assert text in str(error)
    assert "canary" not in str(error)


def test_a_time_limit_and_a_flood_are_told() -> None:
    assert "within 30 s" in str(failure.explain(GitFailed(-9, late=True), 30.0))
    assert isinstance(failure.explain(GitFailed(-9, loud=True), 30.0), RepositoryRefused)


def test_what_git_wrote_is_in_no_representation() -> None:
    failed = GitFailed(1, b"canary")
    assert "canary" not in repr(failed) + str(failed)
