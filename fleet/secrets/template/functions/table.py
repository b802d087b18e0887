"""The allow-list in one table, and why others are not in it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fleet.secrets.template.errors import shown
from fleet.secrets.template.functions import lists, logic, numbers, strings
from fleet.secrets.template.functions.signature import Function

SHORT_CIRCUIT: Final = frozenset({"and", "or"})
FUNCTIONS: Final[Mapping[str, Function]] = MappingProxyType(
    {**logic.FUNCTIONS, **strings.FUNCTIONS, **numbers.FUNCTIONS, **lists.FUNCTIONS}
)
NAMES: Final = SHORT_CIRCUIT | FUNCTIONS.keys()

_CLOCK: Final = "its result depends on the clock, and each sync would change the Secret"
_RANDOM: Final = "its result is random, and each sync would change the Secret"
_HUB: Final = "it would read the hub's environment or network"
_MUTATES: Final = "it changes a value in place"
_REASONS: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(
        ("now", "date", "dateInZone", "date_in_zone", "dateModify", "date_modify", "mustDateModify",
         "must_date_modify", "ago", "htmlDate", "htmlDateInZone", "unixEpoch", "toDate", "mustToDate"), _CLOCK)
    | dict.fromkeys(
        ("randAlpha", "randAlphaNum", "randAscii", "randNumeric", "randBytes", "randInt", "shuffle", "uuidv4",
         "genPrivateKey", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey",
         "genSignedCert", "genSignedCertWithKey", "bcrypt", "htpasswd", "encryptAES"), _RANDOM)
    | dict.fromkeys(("env", "expandenv", "getHostByName", "lookup"), _HUB)
    | dict.fromkeys(
        ("set", "unset", "merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite"), _MUTATES)
    | {"fail": "it would write values into an error", "call": "there is nothing to call"}
)  # fmt: skip


def refusal(name: str) -> str:
    """Why a function that is not in the table is not."""
    reason = _REASONS.get(name)
    return f"the function {shown(name)} is not supported" + (f": {reason}" if reason else "")
