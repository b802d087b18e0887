"""How an override joins the options of a source: lists by name, mappings by key, single words replaced.

Contract: pure. Helm's values are not merged here: each override is one more document, and Helm merges documents
as it does value files (mappings deep, lists whole, null takes away).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from fleet.api.source import Helm, Kustomize

T = TypeVar("T")

_VALUES = frozenset({"values", "values_object"})


def helm(base: Helm | None, over: Helm) -> Helm:
    """The options of a chart with those of an override on top, but for values."""
    below = base or Helm()
    return below.model_copy(
        update={
            **_words(over, _VALUES),
            "value_files": (*below.value_files, *over.value_files),
            "parameters": _named(below.parameters, over.parameters, _name),
            "file_parameters": _named(below.file_parameters, over.file_parameters, _name),
            "api_versions": over.api_versions or below.api_versions,
        }
    )


def kustomize(base: Kustomize | None, over: Kustomize) -> Kustomize:
    """The options of a kustomization with those of an override on top."""
    below = base or Kustomize()
    return below.model_copy(
        update={
            **_words(over, frozenset()),
            "images": _named(below.images, over.images, image),
            "replicas": _named(below.replicas, over.replicas, _name),
            "common_labels": {**below.common_labels, **over.common_labels},
            "common_annotations": {**below.common_annotations, **over.common_annotations},
            "patches": (*below.patches, *over.patches),
            "components": (*below.components, *over.components),
            "api_versions": over.api_versions or below.api_versions,
        }
    )


def image(text: str) -> str:
    """The name of the image that is replaced, without tag and digest."""
    old = text.partition("=")[0]
    name = old.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return head + slash + last.partition(":")[0]


def _words(over: Helm | Kustomize, leave: frozenset[str]) -> dict[str, Any]:
    """What an override says in one word: text and flags that are given."""
    found = {name: getattr(over, name) for name in over.model_fields_set - leave}
    return {name: value for name, value in found.items() if value is None or isinstance(value, (str, bool))}


def _named(below: Iterable[T], over: Iterable[T], name: Callable[[T], str]) -> tuple[T, ...]:
    """Both lists, in which the later of two with one name stands in the place of the earlier."""
    found = {name(one): one for one in below}
    for one in over:
        found[name(one)] = one
    return tuple(found.values())


def _name(one: Any) -> str:
    return str(one.name)
