"""What a git command is given to reach one URL: the credential, in memory, and where the host is.

Contract: `open_` hands out environment, settings and open files for one command. A password goes through a
pipe that the askpass program reads, and only for a prompt that names the URL's own host, the proxy's for one
that names the proxy; key, known hosts and CAs lie in memory files, reached as ``/proc/.../fd/N`` (elsewhere:
files of mode 0600, removed after the command).
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fleet import urls
from fleet.git.process import Granted
from fleet.outward import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.git.credentials import Credential
    from fleet.urls import Url

# $1 is git's prompt: Username for 'https://host': / Password for 'https://user@host':
_ASKPASS: Final = """#!/bin/sh
case "$1" in
"Password for '$FLEETHUB_ASK_PROXY_SCHEME://"*"@$FLEETHUB_ASK_PROXY_HOST': ") pipe=$FLEETHUB_ASK_PROXY_PIPE ;;
"Username for '$FLEETHUB_ASK_PLACE': ") pipe=$FLEETHUB_ASK_PIPE ;;
"Password for '$FLEETHUB_ASK_SCHEME://"*"@$FLEETHUB_ASK_HOST': ") pipe=$FLEETHUB_ASK_PIPE ;;
*) exit 1 ;;
esac
IFS= read -r line <"$pipe" && printf '%s\\n' "$line"
"""
# ssh closes every inherited file but the first three as it starts, so it finds them in git, the parent of the
# shell that git starts it with.
_SSH: Final = (
    "exec ssh -F none -T -o BatchMode=yes -o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=none"
    " -o UpdateHostKeys=no -o IdentitiesOnly=yes -o IdentityAgent=none -o ForwardAgent=no"
    " -o ClearAllForwardings=yes -o ControlPath=none -o ConnectTimeout=15 -o ServerAliveInterval=15"
    " -o ServerAliveCountMax=3"
    " -o LogLevel=DEBUG1"  # it then says which key the server offered
)


@dataclass(frozen=True, slots=True)
class Place:
    """A URL that was checked, and the way to it: addresses (none: whatever the host has), a proxy, CAs.

    ssh takes the first address alone: see `each`.

    ``bundle`` holds all CAs that count, in PEM; empty: those that git knows by itself.
    """

    url: str
    addresses: tuple[str, ...] = ()
    proxy: Proxy | None = None
    bundle: bytes = field(default=b"", repr=False)

    def at(self, url: str) -> Place:
        """The same way to another URL of the same host."""
        return replace(self, url=url)


def each(place: Place) -> tuple[Place, ...]:
    """The place once an address for ssh, which goes to one only; git over HTTP tries them all by itself."""
    if len(place.addresses) < 2 or urls.parse(place.url).scheme != "ssh":  # noqa: PLR2004 (there is a choice)
        return (place,)
    return tuple(replace(place, addresses=(address,)) for address in place.addresses)


@contextlib.contextmanager
def open_(place: Place, credential: Credential | None, home: Path) -> Iterator[Granted]:
    """What one command needs to reach ``place``; for that command alone, as a pipe is read once."""
    parts = urls.parse(place.url)
    with contextlib.ExitStack() as stack:
        if parts.scheme == "ssh":
            yield _ssh(parts, place, credential, _Files(stack, home))
        else:
            yield _http(parts, place, credential, _Files(stack, home))


class _Files:
    """Memory files and pipes that live as long as the stack."""

    def __init__(self, stack: contextlib.ExitStack, home: Path) -> None:
        self._stack = stack
        self.home = home
        self.fds: list[int] = []

    def content(self, content: bytes, process: str) -> str:
        """The path at which ``process`` (``self`` or a shell's word for a number) reads this content."""
        if not hasattr(os, "memfd_create"):
            return self._file(content)
        number = os.memfd_create("fleethub")
        self._stack.callback(os.close, number)
        os.fchmod(number, 0o600)
        _write(number, content)
        self.fds.append(number)
        return f"/proc/{process}/fd/{number}"

    def pipe(self, content: bytes) -> str:
        """The path of a pipe that holds this content, which can be read once."""
        read, write = os.pipe()
        self._stack.callback(os.close, read)
        try:
            _write(write, content)
        finally:
            os.close(write)
        self.fds.append(read)
        return f"/dev/fd/{read}"

    def _file(self, content: bytes) -> str:
        number, path = tempfile.mkstemp(dir=self.home)
        self._stack.callback(Path(path).unlink)
        try:
            _write(number, content)
        finally:
            os.close(number)
        return path


def _http(parts: Url, place: Place, credential: Credential | None, files: _Files) -> Granted:
    env = {"GIT_ALLOW_PROTOCOL": parts.scheme, "GIT_ASKPASS": "/bin/false"}
    # An empty one keeps git from looking for a proxy by itself.
    config = [("http.proxy", place.proxy.named if place.proxy is not None else "")]
    if place.addresses:
        known = ",".join(f"[{address}]" if ":" in address else address for address in place.addresses)
        config.append(("http.curloptResolve", f"{parts.host}:{parts.number}:{known}"))
    bundle = place.bundle or (credential.way.ca if credential is not None else b"")
    if bundle:
        env["GIT_SSL_CAINFO"] = env["GIT_PROXY_SSL_CAINFO"] = files.content(bundle, "self")
    if place.proxy is not None and place.proxy.user:
        env["GIT_ASKPASS"] = str(_askpass(files.home))
        env["FLEETHUB_ASK_PROXY_PIPE"] = files.pipe(f"{place.proxy.password}\n".encode())
        env["FLEETHUB_ASK_PROXY_SCHEME"] = place.proxy.scheme
        env["FLEETHUB_ASK_PROXY_HOST"] = place.proxy.place
        config.append(("http.proxyAuthMethod", "basic"))
    if credential is not None and credential.basic is not None:
        user, password = credential.basic
        host = _host_and_port(parts)
        env["GIT_ASKPASS"] = str(_askpass(files.home))
        env["FLEETHUB_ASK_PIPE"] = files.pipe(f"{user}\n{password}\n".encode())
        env["FLEETHUB_ASK_SCHEME"] = parts.scheme
        env["FLEETHUB_ASK_HOST"] = host
        env["FLEETHUB_ASK_PLACE"] = f"{parts.scheme}://{host}"
    return Granted(env, tuple(config), tuple(files.fds))


def _ssh(parts: Url, place: Place, credential: Credential | None, files: _Files) -> Granted:
    options = [_SSH]
    hosts = credential.known_hosts if credential is not None else b""
    options.append(f'-o UserKnownHostsFile="{files.content(hosts, "$PPID")}"')
    if credential is not None and credential.ssh_key:
        options.append(f'-i "{files.content(credential.ssh_key, "$PPID")}"')
    else:
        options.append("-o PubkeyAuthentication=no")
    if place.addresses:
        # The name stays the one that the host's key is known by.
        alias = f"[{parts.host}]:{parts.port}" if parts.port else parts.host
        options.append(f"-o HostName={place.addresses[0]} -o 'HostKeyAlias={alias}'")
    if not parts.user:
        options.append("-o User=git")
    env = {
        "GIT_ALLOW_PROTOCOL": "ssh",
        "GIT_ASKPASS": "/bin/false",
        "GIT_SSH_COMMAND": " ".join(options),
        "GIT_SSH_VARIANT": "ssh",
    }
    return Granted(env, (), tuple(files.fds))


def _askpass(home: Path) -> Path:
    """The program, written when it is missing or another version's; it holds no secret."""
    path = home / "askpass"
    if not path.exists() or path.read_text() != _ASKPASS:
        draft = home / f"askpass.{os.getpid()}.{os.urandom(4).hex()}"
        draft.write_text(_ASKPASS)
        draft.chmod(0o700)
        draft.rename(path)
    return path


def _host_and_port(parts: Url) -> str:
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    return f"{host}:{parts.port}" if parts.port else host


def _write(number: int, content: bytes) -> None:
    while content:
        content = content[os.write(number, content) :]
