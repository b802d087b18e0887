"""``environments.yaml``: the environments of a repository, each with what it comes after and its clusters. Pure.

Contract: an environment comes after at most one other; who comes after nobody is a beginning. Errors name file and field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fleet.api import parse
from fleet.api.selector import LabelSelector
from fleet.cli.errors import CliError
from fleet.documents import read
from fleet.errors import DocumentError, InvalidObject

FILE: Final = "environments.yaml"
FOLDER: Final = "environments"
NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_FIELDS: Final = frozenset({"name", "after", "clusterSelector"})


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment; ``after`` is empty for a beginning."""

    name: str
    after: str
    clusters: LabelSelector

    @property
    def folder(self) -> str:
        """Where its Applications lie in the repository."""
        return f"{FOLDER}/{self.name}"


def environments(data: bytes) -> tuple[Environment, ...]:
    """Give the environments, each behind the one that it comes after. Raises CliError."""
    try:
        content = read.value(data, path=FILE)
    except DocumentError as error:
        raise CliError(error.text) from None
    if not isinstance(content, dict) or not isinstance(content.get("environments"), list):
        raise _wrong("environments", "must be a list")
    for key in content:
        if key != "environments":
            raise _wrong(_shown(key), "unknown field")
    found = [_one(f"environments[{index}]", one) for index, one in enumerate(content["environments"])]
    if not found:
        raise _wrong("environments", "must have at least one item")
    return tuple(_ordered(found))


def named(found: tuple[Environment, ...], name: str) -> Environment:
    """Give the environment of that name. Raises CliError."""
    for one in found:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in found)
    raise CliError(f"{FILE} has no environment {name}", hint=f"It has {known}")


def _one(field: str, body: Any) -> Environment:
    if not isinstance(body, Mapping):
        raise _wrong(field, "must be an object")
    for key in body:
        if key not in _FIELDS:
            raise _wrong(f"{field}.{_shown(key)}", "unknown field")
    if "clusterSelector" not in body:
        raise _wrong(f"{field}.clusterSelector", "is required; {} means every cluster")
    try:
        selector = parse.selector(body["clusterSelector"])
    except InvalidObject as error:
        place = f"{field}.clusterSelector"
        where, _, told = error.text.partition(": ") if error.field else ("", "", error.text)
        raise _wrong(f"{place}.{where}" if where else place, told) from None
    return Environment(_name(f"{field}.name", body.get("name")), _after(field, body), selector)


def _after(field: str, body: Mapping[str, Any]) -> str:
    return _name(f"{field}.after", body["after"]) if "after" in body else ""


def _name(field: str, text: Any) -> str:
    if not isinstance(text, str) or not NAME.fullmatch(text):
        raise _wrong(field, "must be a name of lower-case letters, digits and dashes, as a folder has it")
    return text


def _ordered(found: list[Environment]) -> Iterator[Environment]:
    places: dict[str, int] = {}
    for index, one in enumerate(found):
        if one.name in places:
            raise _wrong(f"environments[{index}].name", f"{one.name} is there twice")
        places[one.name] = index
    for index, one in enumerate(found):
        if one.after and one.after not in places:
            raise _wrong(f"environments[{index}].after", f"there is no environment {one.after}")
    left, done = list(found), set[str]()
    while left:
        ready = [one for one in left if not one.after or one.after in done]
        if not ready:
            ring = " after ".join([*_ring(left), _ring(left)[0]])
            raise _wrong(f"environments[{places[_ring(left)[0]]}].after", f"they go in a circle: {ring}")
        yield from ready
        done |= {one.name for one in ready}
        left = [one for one in left if one.name not in done]


def _ring(left: list[Environment]) -> list[str]:
    """Give a circle among environments of which each comes after another one of them."""
    after = {one.name: one.after for one in left}
    way = [left[0].name]
    while after[way[-1]] not in way:
        way.append(after[way[-1]])
    return way[way.index(after[way[-1]]) :]


def _shown(key: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in key[:80])


def _wrong(field: str, text: str) -> CliError:
    return CliError(f"{FILE}: {field}: {text}")
