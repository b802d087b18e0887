"""Field names as Kustomize reads them: large and small letters count alike, as everywhere in Go's JSON.

Contract: pure. What is not known stays as it is, for Kustomize to refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fleet.errors import SourceError

_TOP: Final = (
    "apiVersion kind metadata openapi namePrefix nameSuffix namespace commonLabels labels commonAnnotations "
    "patchesStrategicMerge patchesJson6902 patches images imageTags replacements replicas vars sortOptions resources "
    "components crds bases configMapGenerator secretGenerator helmGlobals helmCharts helmChartInflationGenerator "
    "generatorOptions configurations generators transformers validators buildMetadata"
)
# Of the entries of these, and of mappings such as `openapi`.
_BELOW: Final = (
    "path files envs env name newName newTag digest count pairs includeSelectors includeTemplates chartHome configHome "
    "chartName valuesFile values additionalValuesFiles"
)
_FIELDS: Final = {field.casefold(): field for field in _TOP.split()}
_PARTS: Final = {field.casefold(): field for field in _BELOW.split()}
_OPEN: Final = ("commonLabels", "commonAnnotations", "metadata")  # their keys are the author's own


def spelled(document: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The kustomization with its fields as they are written here; raises SourceError for one that is there twice."""
    return {
        field: value if field in _OPEN else _below(value, f"{path}: {field}")
        for field, value in _renamed(document, _FIELDS, path).items()
    }


def _below(value: Any, where: str) -> Any:
    if isinstance(value, list):
        return [_below(one, where) for one in value] if any(isinstance(one, dict) for one in value) else value
    return _renamed(value, _PARTS, where) if isinstance(value, dict) else value


def _renamed(found: Mapping[str, Any], known: Mapping[str, str], where: str) -> dict[str, Any]:
    renamed: dict[str, Any] = {}
    for key, value in found.items():
        field = known.get(key.casefold(), key)
        if field in renamed:
            raise SourceError(f"{where}: {field} occurs twice")
        renamed[field] = value
    return renamed
