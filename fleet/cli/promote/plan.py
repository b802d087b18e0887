"""Which strings of the next environment's file a promotion changes. Pure.

Contract: of a source that both environments have, its revision (a commit, or a chart's version); of the images that the file
names, the tag and digest that run. Nothing else. A source that is an environment's own and follows a branch stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fleet import urls
from fleet.cli.environments.running import Running, split
from fleet.cli.promote import judge
from fleet.cli.promote.judge import Against
from fleet.documents.edit import Path

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Change:
    """One string; ``new`` is what is to stand there."""

    path: Path
    old: str
    new: str


@dataclass(slots=True)
class Plan:
    """What would be changed, what stands against it, and what is worth knowing."""

    changes: list[Change] = field(default_factory=list)
    against: list[Against] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)  # commits and images that were seen to run


@dataclass(frozen=True, slots=True)
class Bounds:
    """The folders of both environments, and how long an image has to have run."""

    source: str
    target: str
    soak: float
    now: float


@dataclass(frozen=True, slots=True)
class Named:
    """A string that names an image, or a part of its name; ``form`` says which and how."""

    path: Path
    old: str
    image: str
    form: str
    by_digest: bool = True

    def spelled(self, tag: str, digest: str) -> str:
        """Give the string for this tag and digest, of which one may be empty."""
        parts = {
            "{:tag}": _behind(":", tag),
            "{@digest}": _behind("@", digest),
            "{tag}": tag,
            "{digest}": digest,
        }
        made = self.form
        for mark, text in parts.items():
            made = made.replace(mark, text)
        return made


def make(running: Running, spec: Mapping[str, Any], bounds: Bounds) -> Plan:
    """Plan what an Application's file becomes by what runs before it. ``spec`` is as the file has it."""
    plan = Plan(against=list(judge.application(running, soak=bounds.soak, now=bounds.now)))
    if any(one.final for one in plan.against):
        return plan
    known = list(sources(running.spec))
    paired, taken = False, set[int]()
    for path, source in sources(spec):
        index = _pair(source, [one for _, one in known], taken, bounds)
        if index is None or index >= len(running.commits):
            continue
        taken.add(index)
        commit = running.commits[index]
        if not _stays(source, bounds):
            paired = True
            plan.evidence.append(f"{source.get('chart') or source.get('path', '')} {commit}")
            _change(plan, (*path, "targetRevision"), source.get("targetRevision", ""), commit)
        named_by_facts = [
            one for one in (source.get("kustomize") or {}).get("images") or () if "{" in str(one)
        ]
        plan.notes += [f"{one} is made of facts of the cluster, and stays as it is" for one in named_by_facts]
        for named in images(path, source):
            _image(plan, named, running, bounds)
        for at, name in numbers(
            (*path, "helm", "valuesObject"), (source.get("helm") or {}).get("valuesObject")
        ):
            if any(one.name == name for one in running.images):
                plan.against.append(Against(f"{'.'.join(map(str, at))} is a number: quote it", final=True))
    if not paired:
        plan.against.append(Against("the two files have no source in common", final=True))
    return plan


def sources(spec: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Give the sources of a spec, with where they stand."""
    if isinstance(spec.get("source"), Mapping):
        yield ("spec", "source"), spec["source"]
    for index, one in enumerate(spec.get("sources") or ()):
        yield ("spec", "sources", index), one


def images(path: Path, source: Mapping[str, Any]) -> Iterator[Named]:
    """Give the strings of a source that name an image."""
    kustomize, helm = source.get("kustomize") or {}, source.get("helm") or {}
    for index, text in enumerate(kustomize.get("images") or ()):
        if isinstance(text, str) and "{" not in text:
            old, equals, new = text.partition("=")
            bare = _bare(new if equals else old)
            form = f"{old}={bare}" if equals else bare
            yield Named((*path, "kustomize", "images", index), text, split(bare)[0], form + "{:tag}{@digest}")
    yield from _values((*path, "helm", "valuesObject"), helm.get("valuesObject"))
    yield from _parameters((*path, "helm", "parameters"), helm.get("parameters") or ())


def numbers(path: Path, body: Any) -> Iterator[tuple[Path, str]]:
    """Give the tags in values that are numbers, as nobody meant them, each with its image."""
    pairs = body.items() if isinstance(body, Mapping) else enumerate(body) if isinstance(body, list) else ()
    for key, item in pairs:
        yield from numbers((*path, key), item)
    if isinstance(body, Mapping) and isinstance(body.get("tag"), int | float):
        parts = {key: ((*path, key), item) for key, item in body.items() if isinstance(item, str)}
        for named in _apart({**parts, "tag": ((*path, "tag"), "")}):
            if named.form == "{tag}":
                yield named.path, named.image


def _values(path: Path, body: Any) -> Iterator[Named]:
    pairs = body.items() if isinstance(body, Mapping) else enumerate(body) if isinstance(body, list) else ()
    for key, item in pairs:
        yield from _values((*path, key), item)
    if isinstance(body, Mapping):
        yield from _apart({key: ((*path, key), item) for key, item in body.items() if isinstance(item, str)})


def _parameters(path: Path, found: Iterable[Any]) -> Iterator[Named]:
    groups: dict[str, dict[str, tuple[Path, str]]] = {}
    for index, one in enumerate(found):
        if isinstance(one, Mapping) and isinstance(one.get("value"), str):
            prefix, _, word = str(one.get("name", "")).rpartition(".")
            groups.setdefault(prefix, {})[word] = ((*path, index, "value"), one["value"])
    for group in groups.values():
        yield from _apart(group)


def _apart(parts: Mapping[str, tuple[Path, str]]) -> Iterator[Named]:
    """Give tag and digest of an image whose parts are values of their own: repository, tag and maybe more."""
    if "repository" not in parts or "tag" not in parts:
        return
    registry = parts["registry"][1] if "registry" in parts else ""
    name = split(f"{registry}{'/' if registry else ''}{parts['repository'][1]}")[0]
    yield Named(*parts["tag"], name, "{tag}", by_digest="digest" in parts)
    if "digest" in parts:
        yield Named(*parts["digest"], name, "{digest}")


def _image(plan: Plan, named: Named, running: Running, bounds: Bounds) -> None:
    name = named.image
    found = tuple(one for one in running.images if one.name == name)
    if not found:
        plan.notes.append(f"{name} runs nowhere there, and stays as it is")
        return
    against = list(judge.image(name, found, soak=bounds.soak, now=bounds.now))
    tags, digests = {one.tag for one in found}, {one.digest for one in found} - {""}
    if len(tags) > 1:
        against.append(Against(f"{name} runs under several tags: {', '.join(sorted(tags))}", final=True))
    plan.against += [one for one in against if one not in plan.against]
    if len(tags) > 1 or len(digests) > 1:
        return
    tag, digest = tags.pop(), digests.pop() if digests else ""
    if not tag and not (digest and named.by_digest):
        why = "give its values a 'digest'" if digest else "its pods tell no digest either"
        plan.against.append(Against(f"{name} runs without a tag: {why}", final=True))
        return
    if not named.by_digest:
        plan.notes.append(f"{name} is promoted by its tag alone: give its values a 'digest'")
    shown = f"{name}{_behind(':', tag)}{_behind('@', digest)}"
    if shown not in plan.evidence:
        plan.evidence.append(shown)
    new = named.spelled(tag, digest)
    # An old digest beside a new tag would be what nobody ran.
    _change(plan, named.path, named.old, new, empty=named.form == "{digest}")


def _behind(mark: str, text: str) -> str:
    return f"{mark}{text}" if text else ""


def _change(plan: Plan, at: Path, old: str, new: str, *, empty: bool = False) -> None:
    if old != new and (new or empty):
        plan.changes.append(Change(at, old, new))


def _pair(
    source: Mapping[str, Any], known: list[Mapping[str, Any]], taken: set[int], bounds: Bounds
) -> int | None:
    """Which source of the environment before is the same thing; of several, in their order."""
    for index, one in sorted(enumerate(known), key=lambda each: each[0] in taken):
        same = _repository(source) == _repository(one) and source.get("chart") == one.get("chart")
        here, there = _path(source), _path(one)
        if same and (here == there or there.replace(f"{bounds.source}/", f"{bounds.target}/", 1) == here):
            return index
    return None


def _stays(source: Mapping[str, Any], bounds: Bounds) -> bool:
    """Whether it is the environment's own: in its folder, and at whatever a branch has."""
    own = f"{_path(source)}/".startswith(f"{bounds.target}/")
    return own and not _COMMIT.fullmatch(str(source.get("targetRevision", "")))


def _repository(source: Mapping[str, Any]) -> str:
    url = str(source.get("repoURL", ""))
    try:
        return urls.canonical(url)
    except ValueError:
        return url


def _path(source: Mapping[str, Any]) -> str:
    return str(source.get("path") or "").strip("/").removeprefix("./")


def _bare(image: str) -> str:
    """Give an image's name as it is written, without tag and digest."""
    named = image.partition("@")[0]
    head, slash, last = named.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"
