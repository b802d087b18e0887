"""When certificates end."""

from __future__ import annotations

import base64
import datetime as dt

import pytest

from fleet.clusters import certificate
from fleet.secrets import keys

BEGINS = 1_700_000_000.0


@pytest.fixture(scope="module")
def pem() -> bytes:
    return base64.b64decode(keys.make("r", "ns", BEGINS, size=2048)["data"]["tls.crt"])


def test_a_certificate_says_when_it_ends(pem: bytes) -> None:
    end = BEGINS + dt.timedelta(days=3650).total_seconds()
    assert (certificate.expires(pem), certificate.first_end(pem)) == (end, end)


def test_what_does_not_read_has_no_end(pem: bytes) -> None:
    der = base64.b64decode("".join(pem.decode().splitlines()[1:-1]))
    unheard_of = der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07", 1)
    assert unheard_of != der
    lines = base64.encodebytes(unheard_of).decode()
    odd = f"-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n".encode()
    for text in (odd, b"-----BEGIN CERTIFICATE-----\n", b"", None):
        assert (certificate.expires(text), certificate.first_end(text)) == (0, 0)
