"""Which components of an Application's options there are.

Contract: blocking; looks into the tree and nothing else. Names are patterns, as ``kustomize edit add component`` takes
them: ``*``, ``?`` and ``[]`` within one segment of the path.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from typing import TYPE_CHECKING, Final

from fleet.errors import InvalidObject, LinkRefused, PathNotFound
from fleet.render.kustomize import remote

if TYPE_CHECKING:
    from fleet.render.inputs import Tree
    from fleet.render.source import Kustomize

MOST: Final = 200
_PATTERN: Final = re.compile(r"[*?\[]")
_FIELD: Final = "source.kustomize.components"


def chosen(tree: Tree, path: str, options: Kustomize) -> tuple[str, ...]:
    """The components, seen from the path. Raises PathNotFound for one that is missing, unless that may be."""
    found: list[str] = []
    for one in options.components:
        if remote.remote(one):
            found.append(one)
            continue
        try:
            matching = _matching(tree, path, one)
        except (PathNotFound, LinkRefused) as error:
            raise type(error)(f"{_FIELD}: {error.text}") from None
        if not matching and not options.ignore_missing_components:
            raise PathNotFound(
                f"{_FIELD}: {posixpath.normpath(posixpath.join(path, one))} is not in the commit"
            )
        found += matching
    if len(found) > MOST:
        raise InvalidObject(f"{_FIELD} match more than {MOST} folders", field=f"spec.{_FIELD}")
    return tuple(found)


def _matching(tree: Tree, path: str, pattern: str) -> list[str]:
    ways = [""]
    for segment in posixpath.normpath(pattern).split("/"):
        below = [posixpath.join(way, segment) for way in ways]
        if _PATTERN.search(segment):
            below = [
                posixpath.join(way, entry.name)
                for way in ways
                for entry in tree.list(posixpath.join(path, way))
                if fnmatch.fnmatchcase(entry.name, segment)
            ]
        ways = [way for way in below[: MOST + 1] if tree.entry(posixpath.join(path, way)) is not None]
    return ways
