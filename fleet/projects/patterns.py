"""How the lists of a Project are read: ``"*"`` is everything, an empty list nothing.

Contract: pure, and knows no kind of the hub's API, so that workers may use it. Names are matched as globs with
``*`` and ``?``, kinds as ``Kind`` (of any group) or ``Kind.group``.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

ANY: Final = "*"
REFUSED: Final = "ProjectRefused"
UNKNOWN: Final = "ProjectUnknown"


def globbed(patterns: Iterable[str], name: str) -> bool:
    """Whether one of the patterns matches the whole name."""
    return any(pattern in (ANY, name) or fnmatchcase(name, pattern) for pattern in patterns)


def kind_allowed(kinds: Iterable[str], group: str, kind: str) -> bool:
    """Whether one of ``kinds`` names this kind."""
    return any(one in (ANY, kind, f"{kind}.{group}") for one in kinds)
