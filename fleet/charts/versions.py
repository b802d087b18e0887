"""Versions of charts, and ranges of them, with Helm's meaning.

Contract: pure. Versions are SemVer 2.0.0, with the liberties that Helm takes (a leading ``v``, missing parts). Ranges
are those of Masterminds/semver v3, which Helm uses: ``=`` ``!=`` ``<`` ``<=`` ``>`` ``>=`` ``~`` ``^``, wildcards
``x`` ``X`` ``*``, ``1.2 - 2.3``, a comma or a space for *and*, ``||`` for *or*. A version before a release fits only
where one of those that are joined by *and* names one too. No library of Python has these rules: those of npm know neither ``!=`` nor the comma.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from fleet.errors import SourceError

_VERSION: Final = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?")
_PART: Final = re.compile(
    r"(?P<op>=|!=|>=|=>|<=|=<|>|<|~>|~|\^)?\s*"
    r"v?(?P<major>\d+|[xX*])(?:\.(?P<minor>\d+|[xX*]))?(?:\.(?P<patch>\d+|[xX*]))?"
    r"(?:-(?P<pre>[0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
)
_AND: Final = re.compile(r"\s*,\s*|\s+")
_HYPHEN: Final = re.compile(r"(\S+)\s+-\s+(\S+)")
_WILD: Final = frozenset("xX*")
_OPERATORS: Final = frozenset(("=", "!=", ">", ">=", "=>", "<", "<=", "=<", "~", "~>", "^"))
_LONGEST: Final = 256


class VersionNotFound(SourceError):
    """No version of the chart is in the range, or there is no such chart."""

    reason = "RevisionNotFound"


@dataclass(frozen=True, slots=True)
class Version:
    """A version; ``text`` is as it was written."""

    text: str
    numbers: tuple[int, int, int]
    pre: str = ""

    @property
    def rank(self) -> tuple[object, ...]:
        """Orders versions: one before a release comes before it (SemVer 11)."""
        parts = tuple(
            (0, int(one), "") if one.isdigit() else (1, 0, one) for one in self.pre.split(".") if self.pre
        )
        return (*self.numbers, 0 if self.pre else 1, parts)


def parse(text: str) -> Version | None:
    """The version; None for what is none."""
    found = _VERSION.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if found is None:
        return None
    numbers = (int(found[1]), int(found[2] or 0), int(found[3] or 0))
    return Version(text.strip(), numbers, found[4] or "")


def exact(text: str) -> bool:
    """Whether it names one version, all three numbers of it: that never means another one later."""
    found = _VERSION.fullmatch(text.strip())
    return found is not None and found[2] is not None and found[3] is not None


def newest(wanted: str, versions: Iterable[str]) -> str | None:
    """The newest version that fits, as it is written there; None where none does. ValueError for no range."""
    known = [one for one in map(parse, versions) if one is not None]
    named = parse(wanted)
    if named is not None and exact(wanted):
        same = [one for one in known if one.numbers == named.numbers and one.pre == named.pre]
        plain = [one for one in same if one.text == named.text]
        return next((one.text for one in (*plain, *same)), None)
    fits = matcher(wanted)
    fitting = [one for one in known if fits(one)]
    return max(fitting, key=_rank).text if fitting else None


def matcher(wanted: str) -> Callable[[Version], bool]:
    """Whether a version is in the range. ValueError, in words, for what is no range."""
    if len(wanted) > _LONGEST:
        raise ValueError("the range of versions is too long")
    groups = [_conjunction(part) for part in (wanted.strip() or "*").split("||")]

    def fits(version: Version) -> bool:
        return any(
            (early or not version.pre) and all(one(version) for one in group) for early, group in groups
        )

    return fits


def _conjunction(text: str) -> tuple[bool, list[Callable[[Version], bool]]]:
    """What is joined by *and*, and whether any of it names a version before a release: then all may be one."""
    text = _HYPHEN.sub(r">=\1 <=\2", text.strip())
    found: list[str] = []
    early = False
    for one in _AND.split(text):
        # A blank may stand after an operator too.
        whole = f"{found.pop()}{one}" if found and found[-1] in _OPERATORS else one
        found.append(whole)
    parts = [_PART.fullmatch(one) for one in found]
    judges = []
    for part in parts:
        if part is None:
            raise ValueError(f"{text[:60]!r} is no version and no range of versions")
        early = early or bool(part["pre"])
        judges.append(_comparator(part))
    return early, judges


def _comparator(part: re.Match[str]) -> Callable[[Version], bool]:
    op = {"": "=", "=>": ">=", "=<": "<=", "~>": "~"}.get(part["op"] or "", part["op"] or "=")
    written = [part["major"], part["minor"], part["patch"]]
    given = [one for one in written if one is not None]
    loose = next((n for n, one in enumerate(given) if one in _WILD), len(given))
    low = tuple(int(written[n] or 0) if n < loose else 0 for n in range(3))
    pre = part["pre"] or ""
    base = Version("", (low[0], low[1], low[2]), pre)
    partial = loose < 3  # noqa: PLR2004 (the three numbers)
    above = _above(base.numbers, loose)

    if loose == 0 and op not in ("=", "~"):
        # Helm reads what is any version to ``=`` and ``~`` as 0.0.0 to the others.
        loose = 2 if op == "<=" else 3
        partial, above = op == "<=", _above(base.numbers, loose)
    if op == "~" and base.numbers == (0, 0, 0) and loose == 3:  # noqa: PLR2004
        loose = 0  # as Helm has it: any

    def fits(version: Version) -> bool:
        return _judge(op, version, base, (partial, loose, above))

    return fits


def _judge(
    op: str, version: Version, base: Version, shape: tuple[bool, int, tuple[int, int, int] | None]
) -> bool:
    partial, loose, above = shape
    within = version.rank >= base.rank and (above is None or version.numbers < above)
    if op == "=":
        return within if partial else _same(version, base)
    if op == "!=":
        return not (within if partial else _same(version, base))
    if op == ">":
        return (above is not None and version.numbers >= above) if partial else version.rank > base.rank
    if op == "<":
        return version.rank < base.rank
    if op == ">=":
        return version.rank >= base.rank
    if op == "<=":
        return (above is None or version.numbers < above) if partial else version.rank <= base.rank
    if op == "~":
        top = _above(base.numbers, 0 if loose == 0 else min(max(loose, 1), 2))
    else:
        top = _caret(base.numbers, loose)
    return version.rank >= base.rank and (top is None or version.numbers < top)


def _same(version: Version, base: Version) -> bool:
    return version.numbers == base.numbers and version.pre == base.pre


def _above(numbers: tuple[int, int, int], fixed: int) -> tuple[int, int, int] | None:
    """The first version beyond those that agree in so many numbers; None where all do."""
    if fixed == 0:
        return None
    if fixed == 1:
        return (numbers[0] + 1, 0, 0)
    return (numbers[0], numbers[1] + 1, 0) if fixed == 2 else (numbers[0], numbers[1], numbers[2] + 1)  # noqa: PLR2004


def _caret(numbers: tuple[int, int, int], fixed: int) -> tuple[int, int, int] | None:
    """The next breaking version: the first number that is not zero moves."""
    if fixed == 0:
        return None
    major, minor, patch = numbers
    if major or fixed == 1:
        return (major + 1, 0, 0)
    if minor or fixed == 2:  # noqa: PLR2004 (major and minor are given)
        return (0, minor + 1, 0)
    return (0, 0, patch + 1)


def _rank(version: Version) -> tuple[object, ...]:
    return version.rank
