"""The one verb: what of an Application is rendered for one cluster."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from fleet.api.selector import matches
from fleet.documents.read import read
from fleet.errors import InvalidObject
from fleet.facts import Expansion, Facts, mentions
from fleet.placement.place import namespace
from fleet.render.source import (
    Directory,
    FileParameter,
    Helm,
    HelmParameter,
    Kustomize,
    Patch,
    Replicas,
    Source,
)
from fleet.variants import merge
from fleet.variants.environment import environment, filled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fleet.api import source as api
    from fleet.api.application import Application
    from fleet.model import Revision

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Variant:
    """What is rendered, resolved.

    ``sources`` has None for one that only lends its files. ``facts`` are filled in after the render, in plain
    manifests of a source that asks for it; None where none does.
    """

    sources: tuple[Source | None, ...]
    namespace: str
    patches: tuple[Patch, ...] = ()
    facts: Facts | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: ``what`` it is, ``value`` as it came out, and ``by`` whose word."""

    what: str
    value: str
    by: str


def overriding(application: Application, facts: Facts) -> tuple[int, ...]:
    """The overrides that are for a cluster, by their place in the list."""
    return tuple(
        number
        for number, one in enumerate(application.spec.overrides)
        if matches(one.cluster_selector, facts.labels)
    )


def skipped(application: Application, facts: Facts) -> bool:
    """Whether the Application does not go to the cluster, by the word of an override."""
    return any(application.spec.overrides[number].skip for number in overriding(application, facts))


def filled_namespace(application: Application, facts: Facts) -> str:
    """The namespace of manifests that name none, on one cluster."""
    return _namespace(application, Expansion(facts))


def uniform(application: Application) -> bool:
    """Whether every cluster has the same variant, whatever its facts."""
    spec = application.spec
    if spec.overrides or any(one.directory.substitute for one in spec.all_sources):
        return False
    texts = [spec.namespace, spec.destination.namespace if spec.destination is not None else None]
    return not mentions(texts) and not any(_speaks(one) for one in spec.all_sources)


def variant(
    application: Application,
    facts: Facts,
    revisions: Sequence[Revision],
    explain: list[Origin] | None = None,
) -> Variant:
    """What is rendered for the cluster of ``facts``, its sources at ``revisions``.

    Raises ``FactMissing`` and ``InvalidObject``; both name the field. ``explain`` is told where values came from.
    """
    expansion = Expansion(facts)
    into = _namespace(application, expansion)
    numbers = overriding(application, facts)
    sources = application.spec.all_sources
    _applicable(application, numbers)
    built: list[Source | None] = []
    for number, (one, at) in enumerate(zip(sources, revisions, strict=True)):
        field = "spec.source" if application.spec.source is not None else f"spec.sources[{number}]"
        if one.silent:
            built.append(None)
            continue
        building = _Building(application, one, at, expansion, (field, into))
        built.append(building.source([(n, application.spec.overrides[n]) for n in numbers]))
        if explain is not None:
            explain += building.origins
    patches = tuple(
        _patch(one, expansion, f"spec.overrides[{number}].patches[{place}]")
        for number in numbers
        for place, one in enumerate(application.spec.overrides[number].patches)
    )
    if explain is not None:
        explain += [Origin(where, value, fact) for where, fact, value in expansion.places]
    substitute = any(one.directory.substitute for one in sources)
    return Variant(tuple(built), into, patches, facts if substitute else None)


class _Building:
    """One source of a variant."""

    def __init__(
        self,
        application: Application,
        source: api.Source,
        at: Revision,
        expansion: Expansion,
        place: tuple[str, str],
    ) -> None:
        self._application = application
        self._source = source
        self._at = at
        self._expansion = expansion
        self._field, self._namespace = place
        self._variables: Mapping[str, str] | None = None
        self.origins: list[Origin] = []

    def source(self, overrides: Sequence[tuple[int, api.Override]]) -> Source:
        given, helm, kustomize = self._source, self._source.helm, self._source.kustomize
        values = [(f"{self._field}.helm", helm)] if helm is not None else []
        for number, over in overrides:
            where = f"spec.overrides[{number}]"
            if over.helm is not None and _may_be_chart(given):
                helm = merge.helm(helm, over.helm)
                values.append((f"{where}.helm", over.helm))
                self._told(f"{where}.helm", over.helm)
            if over.kustomize is not None and _may_be_kustomization(given):
                kustomize = merge.kustomize(kustomize, over.kustomize)
                self._told(f"{where}.kustomize", over.kustomize)
        if helm is not None and kustomize is not None:
            text = "overrides have options for a chart and for a kustomization: give this source helm or kustomize"
            raise InvalidObject(f"{self._field}: {text}", field=self._field)
        directory = given.directory
        return Source(
            repo=given.repo_url,
            revision=self._at,
            path="" if given.chart else self._path(given.path),
            directory=Directory(
                directory.recurse, directory.include, directory.exclude, directory.substitute
            ),
            kustomize=self._kustomize(kustomize) if kustomize is not None else None,
            helm=self._helm(helm, values) if helm is not None else None,
            chart=given.chart or "",
            ref=given.ref or "",
            name=self._application.metadata.name,
            namespace=self._namespace,
            plain="directory" in given.model_fields_set,
        )

    def _path(self, path: str) -> str:
        where = f"{self._field}.path"
        found = self._text(path, where)
        if found.startswith("/") or ".." in found.split("/"):
            raise InvalidObject(f"{where}: with its facts it leaves the repository", field=where)
        return found

    def _helm(self, given: api.Helm, values: Iterable[tuple[str, api.Helm]]) -> Helm:
        where = f"{self._field}.helm"
        return Helm(
            release_name=self._text(given.release_name, f"{where}.releaseName"),
            namespace=self._text(given.namespace, f"{where}.namespace"),
            value_files=tuple(
                self._file(one, f"{where}.valueFiles[{number}]")
                for number, one in enumerate(given.value_files)
            ),
            ignore_missing_value_files=given.ignore_missing_value_files,
            values=tuple(text for at, one in values if (text := self._values(one, at))),
            parameters=tuple(
                HelmParameter(
                    one.name, self._filled(one.value, f"{where}.parameters[{one.name}]"), one.force_string
                )
                for one in given.parameters
            ),
            file_parameters=tuple(
                FileParameter(one.name, self._file(one.path, f"{where}.fileParameters[{one.name}]"))
                for one in given.file_parameters
            ),
            skip_crds=given.skip_crds,
            skip_tests=given.skip_tests,
            skip_schema_validation=given.skip_schema_validation,
            pass_credentials=given.pass_credentials,
            kube_version=self._text(given.kube_version, f"{where}.kubeVersion"),
            api_versions=given.api_versions,
        )

    def _values(self, given: api.Helm, where: str) -> str:
        """One document of values. Text that names no fact stays as it was written."""
        if given.values_object is not None:
            found = self._expansion.value(given.values_object, f"{where}.valuesObject")
            return orjson.dumps(found).decode() if found else ""
        if not mentions(given.values):
            return given.values if given.values.strip() else ""
        documents = read(given.values.encode(), path=f"{where}.values")
        if documents.faults:
            raise documents.faults[0]
        found = self._expansion.value(documents.items[0].value if documents.items else {}, f"{where}.values")
        return orjson.dumps(found).decode()

    def _kustomize(self, given: api.Kustomize) -> Kustomize:
        where = f"{self._field}.kustomize"
        annotations = {
            key: self._filled(value, f"{where}.commonAnnotations")
            if given.common_annotations_envsubst
            else self._text(value, f"{where}.commonAnnotations")
            for key, value in given.common_annotations.items()
        }
        labels = {key: self._text(one, f"{where}.commonLabels") for key, one in given.common_labels.items()}
        return Kustomize(
            name_prefix=self._text(given.name_prefix, f"{where}.namePrefix"),
            name_suffix=self._text(given.name_suffix, f"{where}.nameSuffix"),
            images=tuple(self._text(one, f"{where}.images") for one in given.images),
            replicas=tuple(Replicas(one.name, int(one.count)) for one in given.replicas),
            common_labels=tuple(sorted(labels.items())),
            label_without_selector=given.label_without_selector,
            label_include_templates=given.label_include_templates,
            common_annotations=tuple(sorted(annotations.items())),
            namespace=self._text(given.namespace, f"{where}.namespace"),
            patches=tuple(
                _patch(one, self._expansion, f"{where}.patches[{number}]")
                for number, one in enumerate(given.patches)
            ),
            components=tuple(self._path(one) for one in given.components),
            ignore_missing_components=given.ignore_missing_components,
            kube_version=given.kube_version,
            api_versions=given.api_versions,
        )

    def _file(self, text: str, where: str) -> str:
        return self._filled(text, where)

    def _text(self, text: str, where: str) -> str:
        return self._expansion.text(text, where)

    def _filled(self, text: str, where: str) -> str:
        """With facts, and with Argo CD's build environment."""
        if "$" in text and self._variables is None:
            self._variables = environment(
                self._application, self._source, self._at, self._expansion.facts, self._namespace
            )
        return self._text(filled(text, self._variables or {}), where)

    def _told(self, where: str, given: Any) -> None:
        for name in sorted(given.model_fields_set):
            field = type(given).model_fields[name]
            value = given.model_dump(include={name}, mode="json")
            self.origins.append(
                Origin(f"{self._field}.{where.rpartition('.')[2]}.{field.alias}", _short(value), where)
            )


def _patch(given: api.Patch, expansion: Expansion, where: str) -> Patch:
    target = given.target.model_dump(exclude_unset=True) if given.target is not None else {}
    options = dict(given.options) if given.options is not None else {}
    text = given.patch or ""
    if mentions(text):
        text = _patched_text(text, expansion, where)
    return Patch(
        patch=text,
        path=expansion.text(given.path or "", where),
        target=orjson.dumps(expansion.value(target, where)).decode() if given.target is not None else "",
        options=orjson.dumps(options).decode() if options else "",
    )


def _patched_text(text: str, expansion: Expansion, where: str) -> str:
    """A patch with facts: parsed first, so that no fact becomes syntax; several documents stay several."""
    documents = read(text.encode(), path=where)
    if documents.faults:
        raise documents.faults[0]
    return "\n---\n".join(orjson.dumps(expansion.value(one.value, where)).decode() for one in documents.items)


def _namespace(application: Application, expansion: Expansion) -> str:
    text = namespace(application)
    found = expansion.text(text, "spec.namespace")
    if found != text and not _LABEL.fullmatch(found):
        raise InvalidObject(
            f"spec.namespace: with the facts of the cluster it is {found[:80]!r}, no name of a namespace",
            field="spec.namespace",
        )
    return found


def _may_be_chart(source: api.Source) -> bool:
    return source.kustomize is None and "directory" not in source.model_fields_set


def _may_be_kustomization(source: api.Source) -> bool:
    return source.helm is None and source.chart is None and "directory" not in source.model_fields_set


def _applicable(application: Application, numbers: Iterable[int]) -> None:
    """An override for what no source can be is a mistake, not a wish."""
    sources = [one for one in application.spec.all_sources if not one.silent]
    for number in numbers:
        over = application.spec.overrides[number]
        for name, given, fits in (
            ("helm", over.helm, _may_be_chart),
            ("kustomize", over.kustomize, _may_be_kustomization),
        ):
            if given is not None and not any(fits(one) for one in sources):
                where = f"spec.overrides[{number}].{name}"
                raise InvalidObject(f"{where}: no source of the Application is rendered by it", field=where)


def _speaks(source: api.Source) -> bool:
    """Whether the source's options depend on the cluster."""
    return mentions(source.model_dump(mode="json", exclude_unset=True)) or "$KUBE_VERSION" in str(source)


def _short(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 200 else text[:197] + "..."  # noqa: PLR2004 (a line's length)
