"""What ``helm template`` printed, as manifests with the template that each came from.

Contract: pure. Helm writes ``# Source: CHART/PATH`` before each document; an object that it could not attribute
keeps the chart's own file as its origin.
"""

from __future__ import annotations

import bisect
import posixpath
import re
from typing import TYPE_CHECKING, Final

from fleet.documents.read import read
from fleet.errors import fault
from fleet.model import Rendered
from fleet.render.gather import PRINTED, Gathered
from fleet.render.helm.chart import CHART
from fleet.render.manifest import Place

if TYPE_CHECKING:
    from collections.abc import Callable

_SOURCE: Final = re.compile(rb"^# Source: (\S+)\s*$", re.MULTILINE)


def manifests(printed: bytes, place: Callable[[str], str]) -> Rendered:
    """The objects; ``place`` turns a path as Helm names it into one of the repository."""
    lines: list[int] = []
    paths: list[tuple[str, int]] = []
    for found in _SOURCE.finditer(printed):
        lines.append(
            printed.count(b"\n", 0, found.start()) + 1 if not lines else _line(printed, found, lines, paths)
        )
        paths.append((found[1].decode(errors="replace"), found.start()))
    gathered = Gathered()
    documents = read(printed, path="the output of helm template", limits=PRINTED)
    for one in documents.items:
        number = bisect.bisect_right(lines, one.line) - 1
        named = paths[number][0] if number >= 0 else ""
        gathered.value(one.value, Place(place(named) if named else CHART, one.index, 0))
    faults = [fault(error) for error in documents.faults]
    return Rendered(key="", manifests=tuple(gathered.manifests), faults=(*gathered.faults, *faults))


def placed(path: str, chart: str) -> Callable[[str], str]:
    """``web/templates/a.yaml`` of the chart ``web`` at ``apps/web`` -> ``apps/web/templates/a.yaml``."""

    def place(named: str) -> str:
        head, slash, rest = named.partition("/")
        return posixpath.join(path, rest) if slash and head == chart else named

    return place


def _line(printed: bytes, found: re.Match[bytes], lines: list[int], paths: list[tuple[str, int]]) -> int:
    """The line of a comment, counted on from the one before."""
    return lines[-1] + printed.count(b"\n", paths[-1][1], found.start())
