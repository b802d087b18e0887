"""Value files: which ones an Application names, in order, found in the trees of its sources.

Contract: blocking; raises SourceError, and InvalidObject for a ``$ref`` that no source has. A path is seen from the
chart's folder; one that begins with ``/`` from the repository's root; ``$name/path`` from the root of the source that
calls itself so. Globs as Argo CD's (v3): ``*`` and ``?`` within a folder, ``**`` over folders, ``[]`` and ``{}``;
a file that is named by itself too keeps that place. Files follow links inside their repository.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from fleet.errors import PathNotFound
from fleet.render.helm.chart import ChartRefused
from fleet.render.inputs import File

if TYPE_CHECKING:
    from fleet.render.ground import Ground
    from fleet.render.inputs import Tree
    from fleet.render.source import Helm

_GLOB: Final = re.compile(r"[*?\[{]")
MOST: Final = 1000


class Found(NamedTuple):
    """A file that enters the render besides the chart: the tree that has it, and the file."""

    tree: Tree
    file: File


def value_files(ground: Ground, helm: Helm, path: str) -> list[Found]:
    """The value files in order."""
    explicit = {_place(ground, one, path)[1:] for one in helm.value_files if not _GLOB.search(one)}
    found: list[Found] = []
    for number, one in enumerate(helm.value_files):
        where = f"spec.source.helm.valueFiles[{number}]"
        tree, name, at = _place(ground, one, path)
        matched = list(_matched(tree, at, name, explicit))
        if not matched and not helm.ignore_missing_value_files:
            raise PathNotFound(f"{where}: {at} is not in the commit", field=where)
        found += matched
        if len(found) > MOST:
            raise PathNotFound(f"{where}: more than {MOST} value files", field=where)
    return found


def files(ground: Ground, helm: Helm, path: str) -> list[Found]:
    """The files of the file parameters, in their order."""
    found = []
    for one in helm.file_parameters:
        where = f"spec.source.helm.fileParameters[{one.name}]"
        tree, _, at = _place(ground, one.path, path)
        entry = tree.entry(at)
        if entry is None or not entry.is_file:
            raise PathNotFound(f"{where}: {at} is not a file of the commit", field=where)
        found.append(Found(tree, File(entry.path, at, entry.oid)))
    return found


def _place(ground: Ground, text: str, path: str) -> tuple[Tree, str, str]:
    """The tree, the ref that names it, and the path in it."""
    if "://" in text:
        raise ChartRefused(f"the value file {text[:100]} is a URL: nothing is fetched that no source names")
    if text.startswith("$"):
        ref, _, rest = text[1:].partition("/")
        return ground.ref(ref), ref, posixpath.normpath(rest)
    at = text.lstrip("/") if text.startswith("/") else posixpath.join(path, text)
    return ground.own, "", posixpath.normpath(at)


def _matched(tree: Tree, at: str, ref: str, explicit: set[tuple[str, str]]) -> Iterator[Found]:
    entry = tree.entry(at)
    if entry is not None and entry.is_file:
        yield Found(tree, File(entry.path, at, entry.oid))
        return
    if not _GLOB.search(at):
        return
    parts = at.split("/")
    fixed = next(number for number, part in enumerate(parts) if _GLOB.search(part))
    pattern = re.compile(_regex("/".join(parts[fixed:])))
    root = "/".join(parts[:fixed])
    for name in sorted(_below(tree, root, "", deep="**" in at or "/" in "/".join(parts[fixed:]))):
        full = posixpath.join(root, name)
        if pattern.fullmatch(name) and (ref, full) not in explicit:
            found = tree.entry(full)
            if found is not None and found.is_file:
                yield Found(tree, File(found.path, full, found.oid))


def _below(tree: Tree, root: str, above: str, *, deep: bool) -> Iterator[str]:
    entry = tree.entry(posixpath.join(root, above))
    if entry is None or not entry.is_directory:
        return
    for child in tree.list(posixpath.join(root, above)):
        if child.is_directory:
            if deep:
                yield from _below(tree, root, f"{above}{child.name}/", deep=deep)
        else:
            yield above + child.name


def _regex(glob: str) -> str:
    """One regular expression for a glob whose ``*`` stays within a folder."""
    found, at, braces = [], 0, 0
    while at < len(glob):
        here = glob[at]
        if glob.startswith("**/", at):
            found.append("(?:[^/]+/)*")
            at += 3
            continue
        if glob.startswith("**", at):
            found.append(".*")
            at += 2
            continue
        if here == "[" and "]" in glob[at + 2 :]:
            end = glob.index("]", at + 2)
            inner = glob[at + 1 : end].replace("\\", "\\\\")
            found.append(f"[{'^' + inner[1:] if inner.startswith('!') else inner}]")
            at = end + 1
            continue
        if here == "{" and "}" in glob[at:]:
            braces += 1
        words = {"*": "[^/]*", "?": "[^/]", "{": "(?:" if braces else r"\{", "}": ")" if braces else r"\}"}
        found.append("|" if here == "," and braces else words.get(here, re.escape(here)))
        if here == "}" and braces:
            braces -= 1
        at += 1
    return "".join(found)
