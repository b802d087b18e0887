"""What an Application adds to a kustomization, as ``kustomize edit`` writes it (Kustomize 5.8, ``kustomize edit``).

Contract: pure. Argo CD edits the kustomization at the path before it builds; so is it done here, on a copy. Where an
option stands in the file already, the Application's wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from fleet.render.source import Kustomize, Patch

KEEP = "*"


def edited(document: Mapping[str, Any], options: Kustomize, components: Iterable[str]) -> dict[str, Any]:
    """The kustomization with the options in it; ``components`` are those of them that are there."""
    words = {
        "namePrefix": options.name_prefix,
        "nameSuffix": options.name_suffix,
        "namespace": options.namespace,
    }
    found = {**document, **{field: value for field, value in words.items() if value}}
    if options.images:
        found["images"] = _images(_dicts(found, "images"), options.images)
    if options.replicas:
        wanted = {one.name: {"name": one.name, "count": one.count} for one in options.replicas}
        kept = [one for one in _dicts(found, "replicas") if one.get("name") not in wanted]
        found["replicas"] = [*kept, *wanted.values()]
    if options.common_labels:
        _label(found, options)
    if options.common_annotations:
        found["commonAnnotations"] = {
            **_mapping(found, "commonAnnotations"),
            **dict(options.common_annotations),
        }
    added = list(components)
    if added:
        found["components"] = [*_list(found, "components"), *added]
    if options.patches:
        found["patches"] = [*_list(found, "patches"), *(patch(one) for one in options.patches)]
    return found


def patch(one: Patch) -> dict[str, Any]:
    """A patch as a kustomization has it."""
    found: dict[str, Any] = {"patch": one.patch} if one.patch else {"path": one.path}
    if one.target:
        found["target"] = orjson.loads(one.target)
    if one.options:
        found["options"] = orjson.loads(one.options)
    return found


def image(text: str) -> dict[str, str]:
    """``[OLD=]NEW[:TAG|@DIGEST]`` as an entry; ``*`` keeps what stands there."""
    old, equals, new = text.rpartition("=")
    name, at, digest = new.partition("@")
    tag = ""
    if not at:
        head, slash, last = name.rpartition("/")
        last, _, tag = last.partition(":")
        name = head + slash + last
    found = {"name": old if equals else name}
    if equals and name not in (old, KEEP):
        found["newName"] = name
    if digest:
        found["digest"] = digest
    elif tag:
        found["newTag"] = tag
    return found


def _images(known: list[dict[str, Any]], given: Iterable[str]) -> list[dict[str, Any]]:
    found = {str(one.get("name")): one for one in known}
    for text in given:
        new: dict[str, Any] = image(text)
        before = found.get(new["name"], {})
        if new.get("newTag") == KEEP:
            del new["newTag"]
            new = {**{key: before[key] for key in ("newTag", "digest") if key in before}, **new}
        elif "newTag" not in new and "digest" not in new:
            new = {**before, **new}
        elif "newName" not in new and "newName" in before and text.partition("=")[2].startswith(KEEP):
            new["newName"] = before["newName"]
        found[new["name"]] = new
    return list(found.values())


def _label(found: dict[str, Any], options: Kustomize) -> None:
    pairs = dict(options.common_labels)
    if not options.label_without_selector:
        found["commonLabels"] = {**_mapping(found, "commonLabels"), **pairs}
        return
    entry: dict[str, Any] = {"pairs": pairs}
    if options.label_include_templates:
        entry["includeTemplates"] = True
    found["labels"] = [*_list(found, "labels"), entry]


def _list(document: Mapping[str, Any], field: str) -> list[Any]:
    value = document.get(field)
    return value if isinstance(value, list) else []


def _dicts(document: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    return [one for one in _list(document, field) if isinstance(one, dict)]


def _mapping(document: Mapping[str, Any], field: str) -> dict[str, Any]:
    value = document.get(field)
    return value if isinstance(value, dict) else {}
