"""SSH keys of servers: what ``knownHosts`` has for a host, what a server offered, both as fingerprints; pure.

Contract: fingerprints are those that OpenSSH shows (``SHA256:...``), since people compare them with what a
forge publishes. Of ssh's own words nothing is passed on but a fingerprint and a key's type. The format of
known_hosts: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import re
from typing import Final, NamedTuple

from fleet import urls

# As ssh writes it with LogLevel=DEBUG1; the server's own words come later, if at all.
_OFFERED: Final = re.compile(
    rb"^debug1: Server host key: ([a-z0-9@.-]{1,64}) (SHA256:[A-Za-z0-9+/]{43})\r?$", re.MULTILINE
)
_FAILED: Final = b"Host key verification failed"
_DEBUG: Final = (b"debug1: ", b"OpenSSH_")
_MOST: Final = 4


class HostKey(NamedTuple):
    """A key's type and fingerprint."""

    kind: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.kind} {self.fingerprint}"


def known(known_hosts: bytes, host: str, port: int | None) -> tuple[HostKey, ...]:
    """The keys that count for a host; those that are revoked, or of authorities, are none of them."""
    place = f"[{host}]:{port}" if port else host
    found: list[HostKey] = []
    for line in known_hosts.splitlines():
        parts = line.split()
        if len(parts) < 3 or parts[0].startswith((b"#", b"@")):  # noqa: PLR2004 (hosts, type, key)
            continue
        if not _names(parts[0].decode("ascii", "replace"), place):
            continue
        try:
            blob = base64.b64decode(parts[2], validate=True)
        except (binascii.Error, ValueError):
            continue
        digest = base64.b64encode(hashlib.sha256(blob).digest()).rstrip(b"=").decode()
        found.append(HostKey(parts[1].decode("ascii", "replace"), f"SHA256:{digest}"))
    return tuple(dict.fromkeys(found))


def offered(written: bytes) -> HostKey | None:
    """The key that the server showed, by what ssh wrote; None where it came to none."""
    match = _OFFERED.search(written)
    return HostKey(match[1].decode(), match[2].decode()) if match else None


def quiet(written: bytes) -> bytes:
    """What ssh wrote, without what it only writes because it was asked to talk."""
    return b"\n".join(line for line in written.split(b"\n") if not line.startswith(_DEBUG))


def explained(written: bytes, known_hosts: bytes, url: str) -> str:
    """Why ssh did not believe the server, with both sides' fingerprints; empty where that was not the reason."""
    if _FAILED not in quiet(written):
        return ""
    parts = urls.parse(url)
    place = f"{parts.host}:{parts.port}" if parts.port else parts.host
    shown = offered(written)
    offer = f"it offers {shown}" if shown is not None else "what it offers is unknown"
    keys = known(known_hosts, parts.host, parts.port)
    if not keys:
        return f"knownHosts has no key of {place}; {offer}: compare it with what its owner publishes"
    listed = ", ".join(map(str, keys[:_MOST]))
    if shown is not None and shown in keys:
        return f"the SSH key of {place} is revoked in knownHosts: {shown}"
    if shown is not None and shown.kind not in {key.kind for key in keys}:
        return (
            f"knownHosts has no {shown.kind} key of {place} but {listed}; {offer}: compare it with what its "
            "owner publishes"
        )
    return (
        f"the SSH key of {place} is another than knownHosts has: known is {listed}; {offer}. If its owner says "
        "that this is the new one, put it into knownHosts"
    )


def _names(hosts: str, place: str) -> bool:
    """Whether the first field of a line means the host: hashed, or patterns of which none says no."""
    if hosts.startswith("|1|"):
        try:
            salt, digest = (base64.b64decode(part, validate=True) for part in hosts.split("|")[2:4])
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(hmac.new(salt, place.encode(), hashlib.sha1).digest(), digest)
    found = False
    for pattern in hosts.split(","):
        if _fits(pattern.removeprefix("!"), place):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def _fits(pattern: str, place: str) -> bool:
    # Brackets are none of ssh's wildcards.
    escaped = re.sub(r"\[", "[[]", pattern.lower())
    return fnmatch.fnmatchcase(place.lower(), escaped)
