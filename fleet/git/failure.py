"""What git wrote when it failed, turned into a `SourceError` in own words; pure.

Contract: nothing of git's text goes on: it quotes what the server said. Unknown texts give the exit status.
git runs with ``LC_ALL=C``, so its own words are these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet.errors import RepositoryRefused, RepositoryUnreachable, SourceError
from fleet.git import hostkeys
from fleet.git.objects import Damaged

if TYPE_CHECKING:
    from fleet.git.process import GitFailed

_REDIRECTED: Final = (b"unable to update url base from redirection", b"returned error: 30")
_DENIED: Final = (b"Authentication failed", b"returned error: 401")
_REFUSED: Final = (
    (b"fsck error", "the repository holds a malformed object"),
    (b"transport '", "the transport is not allowed"),
)
_UNREACHABLE: Final = (
    (b"Host key verification failed", "the server's SSH key is not the one in knownHosts, or none is given"),
    (b"Permission denied (", "the server refused the SSH key, or none is given"),
    (b"Load key ", "the SSH key cannot be read"),
    (
        b"server certificate verification failed",
        "the server's certificate is of an unknown CA: give it as caData",
    ),
    (b"SSL certificate problem", "the server's certificate is of an unknown CA: give it as caData"),
    (b"SSL: no alternative certificate subject name", "the server's certificate is for another host"),
    (b"error setting certificate", "caData is no PEM certificate"),
    # libcurl's words, old and new.
    (b"code 407 from proxy", "the proxy refused its credential, or wants one"),
    (b"tunnel failed, response 407", "the proxy refused its credential, or wants one"),
    (b"from proxy after CONNECT", "the proxy refused"),
    (b"CONNECT tunnel failed", "the proxy refused"),
    (b"Could not resolve proxy", "the proxy's host was not found"),
    (b"Unsupported proxy", "the proxy is of a kind that git's library does not know"),
    (b"could not read Username", "the server asks for a credential, and no repository Secret has one"),
    (b"could not read Password", "the server asks for a password, and no repository Secret has one"),
    (
        b"unable to read askpass response",
        "the server asks for a credential, and no repository Secret has one",
    ),
    (b"returned error: 403", "the server refused the credential"),
    (b"returned error: 429", "the server asks to wait"),
    (b"returned error: 5", "the server failed"),
    (b"returned error: 404", "there is no such repository, or the credential may not read it"),
    (b"not found", "there is no such repository, or the credential may not read it"),
    (b"does not appear to be a git repository", "there is no such repository, or it may not be read"),
    (b"Could not resolve host", "the host was not found"),
    (b"Connection refused", "the server refused the connection"),
    (b"Failed to connect", "the server could not be reached"),
    (b"Couldn't connect to server", "the server could not be reached"),
    (b"Connection timed out", "the server did not answer"),
    (b"Network is unreachable", "the server could not be reached"),
    (b"No route to host", "the server could not be reached"),
    (b"Operation too slow", "the server stopped sending"),
    (b"No space left on device", "the hub's disk is full"),
    (b"early EOF", "the connection broke"),
    (b"the remote end hung up", "the connection broke"),
    (b"Could not read from remote repository", "the server ended the connection"),
    (b"unable to access", "the server could not be reached"),
)
# The store on disk is at fault, not the server.
_DAMAGED: Final = tuple(
    (sign, "the mirror on disk cannot be read: it is made anew")
    for sign in (
        b"not a git repository",
        b"is corrupt",
        b"object file",
        b"unable to read tree",
        b"unable to parse object",
        b"bad object",
        b"missing blob",
        b"missing tree",
        b"missing commit",
        b"packfile",
        b"index file",
        b"Failed to traverse parents",
        b"did not send all necessary objects",
        b"your current branch appears to be broken",
        b"bad ref",
        b"broken ref",
        b"unable to resolve reference",
        b"unable to create",
        b"Unable to create",
        b"cannot lock ref",
    )
)


_SERVERS: Final = (b"remote:", b"fatal: remote error:")
# What a server says to a hash that it does not have or does not give.
_NOT_GIVEN: Final = (b"not our ref", b"unadvertised object", b"couldn't find remote ref")


# ssh got no connection: another address of the host may give one.
_UNCONNECTED: Final = (
    b"Connection refused",
    b"Connection timed out",
    b"Network is unreachable",
    b"No route to host",
)


class NotGiven(SourceError):
    """The server does not give the object that was asked for by its hash."""

    reason = "RevisionNotFound"


class Denied(RepositoryUnreachable):
    """The server refused the credential."""


class Late(RepositoryUnreachable):
    """The server did not finish in time."""


class Redirected(RepositoryRefused):
    """The server says that the repository is elsewhere."""


def unconnected(failed: GitFailed) -> bool:
    """Whether no connection came about, by ssh's words."""
    return any(sign in failed.errors for sign in _UNCONNECTED)


def explain(failed: GitFailed, seconds: float) -> SourceError:
    """The error to raise for a command that asked a server; ``seconds`` is the time that it had."""
    if failed.late:
        return Late(f"the Git server did not finish its answer within {seconds:g} s")
    if failed.loud:
        return RepositoryRefused("the Git server answers with more than is read")
    # What the server said must not pass for git's own words.
    own = b"\n".join(
        line for line in hostkeys.quiet(failed.errors).split(b"\n") if not line.startswith(_SERVERS)
    )
    if any(sign in own for sign in _REDIRECTED):
        return Redirected("the server redirects; name the URL that it redirects to")
    if any(sign in own for sign in _DENIED):
        return Denied("the server refused the credential")
    if any(sign in failed.errors for sign in _NOT_GIVEN):
        return NotGiven("the Git server does not give the commit")
    full = b"No space left on device" in own
    tables = (
        (_REFUSED, failed.errors, RepositoryRefused),
        (() if full else _DAMAGED, own, Damaged),
        (_UNREACHABLE, hostkeys.quiet(failed.errors), RepositoryUnreachable),
    )
    for table, written, kind in tables:
        for sign, text in table:
            if sign in written:
                return kind(text)
    return RepositoryUnreachable(f"git ended with status {failed.status}")
