"""Names of revisions: what a repository's refs are, and which commit a name means.

Contract: `resolve` is pure and takes ``main``, ``v1``, ``refs/heads/main``, ``refs/tags/v1``, ``HEAD`` and
whole commit hashes. One short name for a branch and a tag is an error that says so: which one is meant must
not swing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from fleet.errors import RevisionAmbiguous, RevisionNotFound
from fleet.model import Revision

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fleet.git.mirror import Mirror

HEADS: Final = "refs/heads/"
TAGS: Final = "refs/tags/"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT = re.compile(r"[0-9a-f]{7,63}")
_LONGEST: Final = 250
_NEAR: Final = 32


@dataclass(frozen=True, slots=True)
class Refs:
    """Branches and tags by short name, annotated tags as what they show; ``head`` is what HEAD names in full.

    ``head`` is empty where the remote's HEAD is detached or the repository empty. ``repo`` is its canonical
    URL.
    """

    heads: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    head: str = ""
    repo: str = ""

    def has(self, name: str) -> bool:
        """Whether there is a branch or tag of this full name."""
        if name.startswith(HEADS):
            return name.removeprefix(HEADS) in self.heads
        return name.startswith(TAGS) and name.removeprefix(TAGS) in self.tags


def listed(output: bytes, repo: str) -> Refs:
    """Read ``git ls-remote --symref``: lines ``ref: NAME<TAB>HEAD`` and ``OID<TAB>NAME[^{}]``."""
    heads: dict[str, str] = {}
    tags: dict[str, str] = {}
    head = ""
    # Not splitlines(): names may hold what it takes for a line's end.
    for line in output.decode(errors="backslashreplace").split("\n"):
        what, _, name = line.partition("\t")
        if what.startswith("ref: ") and name == "HEAD":
            head = what.removeprefix("ref: ")
        elif name.startswith(HEADS):
            heads[name.removeprefix(HEADS)] = what
        elif name.startswith(TAGS):
            # An annotated tag's line is followed by that of what it shows.
            tags[name.removeprefix(TAGS).removesuffix("^{}")] = what
    found = Refs(heads, tags, head, repo)
    return found if found.has(head) else Refs(heads, tags, "", repo)


def commit_hash(name: str) -> bool:
    """Whether this is a whole commit hash, of SHA-1 or SHA-256."""
    return _COMMIT.fullmatch(name.lower()) is not None


def resolve(name: str, refs: Refs, known: Callable[[str], bool]) -> Revision:
    """The commit that ``name`` means now; empty is HEAD. ``known``: whether a commit is in the mirror.

    Raises `RevisionNotFound` or `RevisionAmbiguous`; both say what to write instead.
    """
    if len(name) > _LONGEST or not name.isprintable():
        raise RevisionNotFound("the revision is no name of a branch, tag or commit")
    if name in ("", "HEAD"):
        return _head(refs, known)
    if commit_hash(name):
        commit = name.lower()
        if not known(commit):
            raise RevisionNotFound(f"the commit {commit} is not in the repository")
        return Revision(refs.repo, commit)
    if name.startswith("refs/"):
        return _full(name, refs, known)
    branch, tag = name in refs.heads, name in refs.tags
    if branch and tag:
        raise RevisionAmbiguous(f"{name} is a branch and a tag: write {HEADS}{name} or {TAGS}{name}")
    if branch or tag:
        return _full((HEADS if branch else TAGS) + name, refs, known)
    if _SHORT.fullmatch(name.lower()):
        raise RevisionNotFound(f"no branch or tag is called {name}; a commit is named by its whole hash")
    raise RevisionNotFound(f"no branch or tag is called {name}")


async def backward(mirror: Mirror, old: str, new: str) -> bool:
    """Whether ``new`` is an ancestor of ``old``: a branch that moved from one to the other went back."""
    if old == new:
        return False
    return await mirror.local(lambda: _backward(mirror, old, new))


def _backward(mirror: Mirror, old: str, new: str) -> bool:
    # Nearly always the branch went forward by a few commits: seen without starting git.
    commit = new
    for _ in range(_NEAR):
        parents = mirror.objects.parents(commit)
        if old in parents:
            return False
        if not parents:
            break
        commit = parents[0]
    return mirror.ancestor(new, old)


def _head(refs: Refs, known: Callable[[str], bool]) -> Revision:
    if not refs.head:
        raise RevisionNotFound(
            "the repository's HEAD names no branch (it is empty, or HEAD is detached): name one"
        )
    return _full(refs.head, refs, known)


def _full(name: str, refs: Refs, known: Callable[[str], bool]) -> Revision:
    if name.startswith(HEADS):
        commit = refs.heads.get(name.removeprefix(HEADS))
    elif name.startswith(TAGS):
        commit = refs.tags.get(name.removeprefix(TAGS))
    else:
        raise RevisionNotFound(f"{name} is neither under {HEADS} nor under {TAGS}: only these are read")
    if commit is None:
        raise RevisionNotFound(f"{name} is not in the repository")
    if not known(commit):
        raise RevisionNotFound(f"{name} shows no commit that the mirror has")
    return Revision(refs.repo, commit, name)
