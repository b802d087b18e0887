"""The encryption of a backup: the age format (age-encryption.org/v1), to a passphrase or to X25519 recipients.

Contract: bytes in, bytes out; whatever is wrong is a BackupUnreadable or BackupRefused in our own words. With a
passphrase a second of scrypt stands before every guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import pyrage

from fleet.errors import FleetError

_MAGIC: Final = b"age-encryption.org/v1"
_SCRYPT: Final = b"-> scrypt "


class BackupUnreadable(FleetError):
    """The file does not open, or is none."""

    reason = "BackupUnreadable"


class BackupRefused(FleetError):
    """What the file is to be encrypted to is no good."""

    reason = "BackupRefused"


def to_passphrase(content: bytes, passphrase: str) -> bytes:
    """Encrypt to a passphrase. Takes a second."""
    if not passphrase:
        raise BackupRefused("the passphrase is empty")
    return bytes(pyrage.passphrase.encrypt(content, passphrase))


def to_recipients(content: bytes, recipients: Iterable[str]) -> bytes:
    """Encrypt to the public keys ``age1...``, each of whose private keys opens it."""
    read = []
    for number, one in enumerate(recipients, 1):
        try:
            read.append(pyrage.x25519.Recipient.from_str(one.strip()))
        except pyrage.RecipientError:
            raise BackupRefused(
                f"recipient {number} is no X25519 recipient of age: it begins with age1"
            ) from None
    if not read:
        raise BackupRefused("there is no recipient")
    return bytes(pyrage.encrypt(content, read))


def asks_passphrase(encrypted: bytes) -> bool:
    """Whether a passphrase opens the file. Raises BackupUnreadable for what is no age file."""
    if not encrypted.startswith(_MAGIC):
        raise BackupUnreadable("this is no file in age's format")
    return encrypted.partition(b"\n")[2].startswith(_SCRYPT)


def by_passphrase(encrypted: bytes, passphrase: str) -> bytes:
    """Open what was encrypted to a passphrase."""
    try:
        return bytes(pyrage.passphrase.decrypt(encrypted, passphrase))
    except pyrage.DecryptError:
        raise BackupUnreadable("the passphrase does not open it, or the file was changed") from None


def by_identities(encrypted: bytes, identities: Sequence[str]) -> bytes:
    """Open with private keys: the lines of an identity file of age, comments and all."""
    keys = []
    for number, line in enumerate(identities, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            keys.append(pyrage.x25519.Identity.from_str(text))
        except pyrage.IdentityError:
            raise BackupUnreadable(
                f"line {number} of the identity file is no X25519 identity of age"
            ) from None
    if not keys:
        raise BackupUnreadable("the identity file holds no identity")
    try:
        return bytes(pyrage.decrypt(encrypted, keys))
    except pyrage.DecryptError:
        raise BackupUnreadable("no identity opens it, or the file was changed") from None
