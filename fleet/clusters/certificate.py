"""When certificates end. Pure."""

from __future__ import annotations

from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

# What the library says of a certificate that is damaged, or of a kind that it does not know.
_UNREADABLE: Final = (ValueError, UnsupportedAlgorithm, x509.InvalidVersion)


def expires(pem: bytes | None) -> float:
    """When the first of these certificates ends, in seconds since the epoch; 0 where there is none that reads."""
    try:
        found = x509.load_pem_x509_certificates(pem or b"")
    except _UNREADABLE:
        return 0.0
    return found[0].not_valid_after_utc.timestamp() if found else 0.0


def first_end(pem: bytes | None) -> float:
    """When the first of several certificates to end does, which may be any of a bundle; 0 as above."""
    try:
        found = x509.load_pem_x509_certificates(pem or b"")
    except _UNREADABLE:
        return 0.0
    return min((one.not_valid_after_utc.timestamp() for one in found), default=0.0)
