"""Values that are told by themselves wherever they turn up, in whatever form.

Contract: every value of one flock holds a word that is nowhere else, so that a value that was cut, or joined with others,
is found too. Searched for are the word and each whole value: as they are, in base64 at each of its three
alignments, as part of a URL, of JSON and of Go's JSON, and in hexadecimal digits. What nobody here made is found by its
shape: tokens of Kubernetes and of OpenBao, private keys.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote, quote_plus

AROUND = 40
ANY = "one of them"
TOKENS = re.compile(
    rb"eyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}|\b(?:s|hvs|b|hvb)\.[A-Za-z0-9_-]{24,}|-----BEGIN [A-Z ]*PRIVATE KEY"
)


class Found(NamedTuple):
    """A value that turned up: in which sink, whose it is, in which form, and what stands around it."""

    sink: str
    name: str
    form: str
    around: bytes


def forms(value: bytes) -> Mapping[str, bytes]:
    """A value in each form in which it could leave."""
    found = {"raw": value, "hex": value.hex().encode(), "HEX": value.hex().upper().encode()}
    for offset in range(3):
        # What depends on the bytes before and after is cut off.
        whole = base64.b64encode(bytes(offset) + value).rstrip(b"=")
        inner = whole[(0, 2, 3)[offset] : (offset + len(value)) * 8 // 6]
        found[f"base64+{offset}"] = inner
        found[f"base64url+{offset}"] = inner.replace(b"+", b"-").replace(b"/", b"_")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return found
    escaped = json.dumps(text)[1:-1]
    found["URL"] = quote(text, safe="").encode()
    found["form"] = quote_plus(text).encode()
    found["JSON"] = escaped.encode()
    found["JSON, Unicode"] = json.dumps(text, ensure_ascii=False)[1:-1].encode()
    for sign in "<>&":
        escaped = escaped.replace(sign, f"\\u{ord(sign):04x}")
    found["JSON of Go"] = escaped.encode()
    return found


class Canaries:
    """See the module. A flock belongs to one test."""

    def __init__(self) -> None:
        self._word = f"Kanari{secrets.token_hex(3)}"  # twelve bytes: whole groups of base64
        self._needles: dict[bytes, tuple[str, str]] = {}
        self._made_so_far: dict[str, str] = {}
        self._watch(ANY, self._word.encode())

    def text(self, name: str) -> str:
        """A value with all that encoders change, at its beginning too."""
        return self._made(name, f'{self._word}-{name}"/<ü&\\ %+\n{self._word}')

    def word(self, name: str) -> str:
        """A value of letters and digits, where no other is taken: a password in one line, a token."""
        return self._made(name, f"{self._word}x{name.encode().hex()}x{self._word}")

    def know(self, name: str, value: bytes) -> None:
        """A secret that somebody else has made."""
        self._watch(name, value)

    def known(self, name: str) -> str:
        """A value that was made before."""
        return self._made_so_far[name]

    def private_key(self, name: str, pem: bytes) -> None:
        """The inner lines of a private key, as they are and decoded."""
        lines = [line for line in pem.splitlines() if line and not line.startswith(b"-")]
        for line in lines[1:-1:8]:
            self._watch(name, line)
            self._watch(f"{name}, decoded", base64.b64decode(line))

    def search(self, sink: str, content: bytes) -> Iterator[Found]:
        """What of them stands in there."""
        for needle, (name, form) in self._needles.items():
            at = content.find(needle)
            if at >= 0:
                yield Found(sink, name, form, content[max(0, at - AROUND) : at + len(needle) + AROUND])
        for match in TOKENS.finditer(content):
            yield Found(sink, "a token or key", "raw", content[max(0, match.start() - AROUND) : match.end()])

    def search_all(self, sinks: Iterable[tuple[str, bytes]]) -> list[Found]:
        """What of them stands in these sinks, by name and content."""
        return [found for sink, content in sinks for found in self.search(sink, content)]

    def _made(self, name: str, value: str) -> str:
        self._made_so_far[name] = value
        self._watch(name, value.encode())
        return value

    def _watch(self, name: str, value: bytes) -> None:
        for form, needle in forms(value).items():
            self._needles.setdefault(needle, (name, form))
