"""What a ServiceAccount's token says of itself: whose it is, when it was made, when it ends. Pure.

Contract: nothing is verified, since that is for the API server that takes the token. What is read here decides only
when the hub asks for another one, and what it shows.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Final

from fleet.names import MEMBER_ACCOUNT, MEMBER_NAMESPACE, SELF_NAMESPACE

SHARE: Final = 1 / 3  # of its life, after which a token is renewed
BEGINNING: Final = 86400.0  # one that somebody gave for less than a day is for the beginning alone
_ACCOUNTS: Final = {
    f"system:serviceaccount:{place}:{MEMBER_ACCOUNT}": place for place in (MEMBER_NAMESPACE, SELF_NAMESPACE)
}
_PARTS: Final = 3
_LAST: Final = 253402300799.0  # the last second that a date can be


@dataclass(frozen=True, slots=True)
class Token:
    """Seconds since the epoch by the clock of who made it; ``expires`` is 0 for a token without an end.

    ``account`` is the UID of the ServiceAccount; one that was deleted and made anew has another.
    """

    subject: str
    issued: float
    expires: float
    account: str = ""

    @property
    def lifetime(self) -> float:
        """For how long it was granted; 0: without an end."""
        return max(0.0, self.expires - self.issued) if self.expires else 0.0

    @property
    def ours(self) -> bool:
        """Whether it is the hub's own account's, for which the hub itself may ask for another."""
        return self.subject in _ACCOUNTS

    @property
    def place(self) -> str:
        """The namespace of the hub's own account on the member; on the hub's own cluster it is another."""
        return _ACCOUNTS.get(self.subject, "")

    @property
    def due(self) -> float:
        """After how many seconds of its life it is to be renewed."""
        return self.lifetime * SHARE


def read(text: str | None) -> Token | None:
    """The token; None for one that tells nothing of itself."""
    parts = (text or "").split(".")
    if len(parts) != _PARTS:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(claims, dict):
        return None
    subject = claims.get("sub")
    expires = _seconds(claims.get("exp"))
    issued = _seconds(claims.get("iat")) or _seconds(claims.get("nbf"))
    told = claims.get("kubernetes.io")
    account = told.get("serviceaccount") if isinstance(told, dict) else None
    uid = account.get("uid") if isinstance(account, dict) else None
    return Token(_text(subject), issued, expires if issued else 0.0, _text(uid))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _seconds(value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and 0 <= value <= _LAST else 0.0
