"""What an Application adds to a kustomization, as ``kustomize edit`` writes it (Kustomize 5.8, ``kustomize edit``).

Contract: pure. Argo CD edits the kustomization at the path before it builds; so is it done here, on a copy. Where an
option stands in the file already, the Application's wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson

from fleet.errors import InvalidObject

if TYPE_CHECKING:
    from fleet.render.source import Kustomize, Patch

KEEP: Final = "*"
_IMAGES: Final = "spec.source.kustomize.images"


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
    known = _list(found, "components")
    added = [one for one in dict.fromkeys(components) if one not in known]
    if added:
        found["components"] = [*known, *added]
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
    """``[OLD=]NEW[:TAG][@DIGEST]`` as an entry. Raises InvalidObject where it says nothing new."""
    old, equals, new = text.partition("=")
    name, tag, digest = _split(new if equals else old)
    if name == text:
        raise InvalidObject(f"{text} names an image, and nothing to put in its place", field=_IMAGES)
    found = {"name": old, "newName": name} if equals else {"name": name}
    return {**found, **{key: value for key, value in (("newTag", tag), ("digest", digest)) if value}}


def _split(text: str) -> tuple[str, str, str]:
    """Name, tag and digest; a colon before the first slash is a port's."""
    slash = max(text.find("/"), 0)
    at, colon = text.find("@", slash), text.find(":", slash)
    if at >= 0 and not 0 <= colon < at:
        return text[:at], "", text[at + 1 :]
    if colon < 0:
        return text, "", ""
    if at < 0:
        return text[:colon], text[colon + 1 :], ""
    return text[:colon], text[colon + 1 : at], text[at + 1 :]


def _images(known: list[dict[str, Any]], given: Iterable[str]) -> list[dict[str, Any]]:
    """An entry replaces that of its name; where it says ``*``, that one's word stays."""
    found = {one["name"]: one for one in map(image, given)}
    kept = {str(one.get("name")): one for one in known}
    merged = dict(kept)
    for name, one in found.items():
        before = kept.get(name, {})
        words = {key: before.get(key) if value == KEEP else value for key, value in one.items()}
        merged[name] = {**{key: value for key, value in words.items() if value}, "name": name}
    return [merged[name] for name in sorted(merged)]


def _label(found: dict[str, Any], options: Kustomize) -> None:
    """Among the labels that go where these do, if there are such; else by themselves, behind all."""
    pairs = dict(options.common_labels)
    if not options.label_without_selector:
        found["commonLabels"] = {**_mapping(found, "commonLabels"), **pairs}
        return
    labels = list(_list(found, "labels"))
    for number, one in enumerate(labels):
        if not isinstance(one, dict) or one.get("includeSelectors"):
            continue
        if bool(one.get("includeTemplates")) == options.label_include_templates:
            labels[number] = {**one, "pairs": {**_mapping(one, "pairs"), **pairs}}
            break
    else:
        labels.append({"pairs": pairs, "includeTemplates": options.label_include_templates})
    found["labels"] = labels


def _list(document: Mapping[str, Any], field: str) -> list[Any]:
    value = document.get(field)
    return value if isinstance(value, list) else []


def _dicts(document: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    return [one for one in _list(document, field) if isinstance(one, dict)]


def _mapping(document: Mapping[str, Any], field: str) -> dict[str, Any]:
    value = document.get(field)
    return value if isinstance(value, dict) else {}
