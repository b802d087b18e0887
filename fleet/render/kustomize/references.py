"""Which fields of a kustomization, and of the configuration of its built-in plugins, name files.

Contract: pure. Each reference says how it may be meant, and where it stands, for errors. Kustomize 5.8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

from fleet.errors import SourceError


class Means(Enum):
    """What a reference may name."""

    FILE = "a file"
    EITHER = "a file, or a folder with a kustomization"
    FOLDER = "a folder with a kustomization"
    PLUGIN = "a file of plugin configuration, or a folder with a kustomization"
    INLINE = "plugin configuration itself"
    COMPONENT = "a folder with a component"
    CHARTS = "a folder of charts"


class Reference(NamedTuple):
    """A path as it is written, seen from the kustomization's folder. ``keys`` lead to it in the document."""

    path: str
    means: Means
    keys: tuple[str | int, ...]

    @property
    def field(self) -> str:
        """Such as ``resources[2]``."""
        return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.keys).removeprefix(
            "."
        )


class KustomizationRefused(SourceError):
    """A kustomization that asks for what no repository may have run."""

    reason = "KustomizationRefused"


_LISTS: Final = {
    "resources": Means.EITHER,
    "bases": Means.FOLDER,
    "components": Means.COMPONENT,
    "crds": Means.FILE,
    "configurations": Means.FILE,
    "generators": Means.PLUGIN,
    "transformers": Means.PLUGIN,
    "validators": Means.PLUGIN,
    "patchesStrategicMerge": Means.FILE,
}
_GENERATORS: Final = ("configMapGenerator", "secretGenerator")
_PATCHES: Final = ("patches", "patchesJson6902", "replacements")
_INLINE: Final = ("patchesStrategicMerge", "generators", "transformers", "validators")
_FUNCTION: Final = ("config.kubernetes.io/function", "config.k8s.io/function")


def of_kustomization(document: Mapping[str, Any], *, charts: bool) -> Iterator[Reference]:
    """The references of a kustomization. Raises KustomizationRefused, naming the field."""
    for field, means in _LISTS.items():
        for number, one in enumerate(_list(document, field)):
            if isinstance(one, str) and not _inline(field, one):
                yield Reference(one.strip(), means, (field, number))
            elif isinstance(one, str) and means is Means.PLUGIN:
                yield Reference(one, Means.INLINE, (field, number))
    for field in _PATCHES:
        for number, one in enumerate(_list(document, field)):
            if isinstance(one, Mapping) and isinstance(one.get("path"), str) and one["path"]:
                yield Reference(one["path"], Means.FILE, (field, number, "path"))
    for field in _GENERATORS:
        for number, one in enumerate(_list(document, field)):
            if isinstance(one, Mapping):
                yield from _generator(one, (field, number))
    openapi = document.get("openapi")
    if isinstance(openapi, Mapping) and isinstance(openapi.get("path"), str):
        yield Reference(openapi["path"], Means.FILE, ("openapi", "path"))
    yield from _charts(document, charts=charts)


def of_plugin(document: Mapping[str, Any], *, charts: bool) -> Iterator[Reference]:
    """The references of one document of plugin configuration, all seen from the kustomization's folder.

    Raises KustomizationRefused for KRM functions, which run containers and programs.
    """
    metadata = document.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    if isinstance(annotations, Mapping) and any(key in annotations for key in _FUNCTION):
        raise KustomizationRefused("a function that runs a container or a program is not run")
    kind = document.get("kind")
    if isinstance(document.get("path"), str):
        yield Reference(document["path"], Means.FILE, ("path",))
    for number, one in enumerate(_list(document, "paths")):
        if isinstance(one, str) and "\n" not in one:
            yield Reference(one, Means.FILE, ("paths", number))
    for number, one in enumerate(_list(document, "replacements")):
        if isinstance(one, Mapping) and isinstance(one.get("path"), str):
            yield Reference(one["path"], Means.FILE, ("replacements", number, "path"))
    if kind in ("ConfigMapGenerator", "SecretGenerator"):
        yield from _generator(document, ())
    if kind == "HelmChartInflationGenerator":
        yield from _charts({"helmCharts": [document], "helmGlobals": document}, charts=charts)


def _generator(one: Mapping[str, Any], keys: tuple[str | int, ...]) -> Iterator[Reference]:
    for number, text in enumerate(_list(one, "files")):
        if isinstance(text, str):
            yield Reference(text.rpartition("=")[2], Means.FILE, (*keys, "files", number))
    for number, text in enumerate(_list(one, "envs")):
        if isinstance(text, str):
            yield Reference(text, Means.FILE, (*keys, "envs", number))
    if isinstance(one.get("env"), str) and one["env"]:
        yield Reference(one["env"], Means.FILE, (*keys, "env"))


def _charts(document: Mapping[str, Any], *, charts: bool) -> Iterator[Reference]:
    inflated = _list(document, "helmCharts") + _list(document, "helmChartInflationGenerator")
    found = document.get("helmGlobals")
    settings: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    if settings.get("configHome"):
        raise KustomizationRefused("helmGlobals.configHome is not allowed: it names a folder outside")
    if inflated and not charts:
        raise KustomizationRefused(
            "helmCharts are inflated only where the hub was started with --kustomize-option enable-helm"
        )
    home = str(settings.get("chartHome") or "charts")
    for number, one in enumerate(inflated):
        if not isinstance(one, Mapping):
            continue
        at = one.get("chartHome") or home
        yield Reference(
            f"{at}/{one.get('name') or one.get('chartName') or ''}",
            Means.CHARTS,
            ("helmCharts", number, "name"),
        )
        for key in ("valuesFile", "values"):
            if isinstance(one.get(key), str) and one[key]:
                yield Reference(one[key], Means.FILE, ("helmCharts", number, key))
        for place, text in enumerate(_list(one, "additionalValuesFiles")):
            if isinstance(text, str):
                yield Reference(text, Means.FILE, ("helmCharts", number, "additionalValuesFiles", place))


def _inline(field: str, text: str) -> bool:
    """A strategic merge patch, or a plugin, may stand in the kustomization itself, on one line too."""
    return field in _INLINE and ("\n" in text.strip() or text.lstrip().startswith("{") or ": " in text)


def _list(document: Mapping[str, Any], field: str) -> list[Any]:
    found = document.get(field)
    return found if isinstance(found, list) else []
