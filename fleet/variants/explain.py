"""Why an Application comes out as it does on one cluster: which overrides apply, and where each value came from.

Contract: pure; raises what ``variant`` raises. Of values every leaf is told with the last one that set it; a value
that Helm takes from the chart itself is not among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from fleet.documents.read import read
from fleet.facts import Expansion, Facts
from fleet.variants.variant import Origin, Variant, overriding, skipped, variant

if TYPE_CHECKING:
    from fleet.api import source as api
    from fleet.api.application import Application
    from fleet.model import Revision

LONGEST = 200


@dataclass(frozen=True, slots=True)
class Explained:
    """See the module; ``overrides`` has the place of each that applies, and its selector in words."""

    variant: Variant | None
    overrides: tuple[tuple[int, str], ...]
    origins: tuple[Origin, ...] = ()


def explained(application: Application, facts: Facts, revisions: Sequence[Revision]) -> Explained:
    """How the Application comes out on the cluster of ``facts``; no variant where an override skips it."""
    numbers = overriding(application, facts)
    applied = tuple((number, _selector(application.spec.overrides[number])) for number in numbers)
    if skipped(application, facts):
        return Explained(None, applied)
    told: list[Origin] = []
    found = variant(application, facts, revisions, told)
    for number, source in enumerate(application.spec.all_sources):
        field = "spec.source" if application.spec.source is not None else f"spec.sources[{number}]"
        layers = [(f"{field}.helm", source.helm)] if source.helm is not None else []
        for place in numbers:
            helm = application.spec.overrides[place].helm
            built = found.sources[number]
            if helm is not None and built is not None and built.helm is not None:
                layers.append((f"spec.overrides[{place}].helm", helm))
        told += _values(layers, facts)
    return Explained(found, applied, tuple(sorted(set(told), key=_where)))


def _values(layers: Sequence[tuple[str, api.Helm]], facts: Facts) -> Iterator[Origin]:
    """Every leaf of the values, and every parameter, with the layer that has the last word."""
    found: dict[str, tuple[Any, str]] = {}
    for where, helm in layers:
        for path, value in _leaves(_document(helm, facts), ()):
            gone = [one for one in found if one == path or one.startswith(f"{path}.")]
            for one in gone:
                del found[one]
            if value is not None:
                found[path] = (
                    value,
                    f"{where}.{'valuesObject' if helm.values_object is not None else 'values'}",
                )
    for where, helm in layers:
        for parameter in helm.parameters:
            text = Expansion(facts).text(parameter.value, where)
            found[parameter.name] = (text, f"{where}.parameters")
    for path, (value, where) in found.items():
        yield Origin(f"values.{path}", _short(value), where)


def _document(helm: api.Helm, facts: Facts) -> Any:
    expansion = Expansion(facts)
    if helm.values_object is not None:
        return expansion.value(helm.values_object, "valuesObject")
    documents = read(helm.values.encode(), path="values").items if helm.values.strip() else ()
    return expansion.value(documents[0].value, "values") if documents else {}


def _leaves(value: Any, above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and (value or not above):
        for key, one in value.items():
            yield from _leaves(one, (*above, str(key)))
    elif above:
        yield ".".join(above), value


def _selector(override: api.Override) -> str:
    selector = override.cluster_selector
    parts = [f"{key}={value}" for key, value in selector.match_labels.items()]
    for one in selector.match_expressions:
        values = f" ({', '.join(one.values)})" if one.values else ""
        parts.append(f"{one.key} {one.operator.value}{values}")
    return ", ".join(parts) or "every cluster"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def _where(origin: Origin) -> tuple[str, str]:
    return origin.what, origin.by
