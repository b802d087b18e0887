"""`HelmChart`: the renderer."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from fleet.errors import SourceError
from fleet.render.helm import chart, manifests, values
from fleet.render.helm.chart import Laid
from fleet.render.inputs import Inputs
from fleet.render.program import Name, ProgramFailed
from fleet.render.source import Helm

if TYPE_CHECKING:
    from fleet.model import Parameters, Rendered
    from fleet.render.ground import Ground
    from fleet.render.helm.values import Found
    from fleet.render.program import Programs
    from fleet.render.source import Source

_CHART: Final = "chart"
_LONGEST: Final = 1500
_COMMA: Final = re.compile(r"(?<!\\),")


class RenderFailed(SourceError):
    """Helm refused; the text is its own."""

    reason = "RenderFailed"


class Plan(NamedTuple):
    """A chart laid out, with the value files and the files of parameters."""

    path: str
    laid: Laid
    value_files: list[Found]
    files: list[Found]


class HelmChart:
    """The renderer of charts."""

    name = "helm"

    def version(self, programs: Programs) -> str:
        """Helm's."""
        return programs.version(Name.HELM)

    def decides(self, source: Source) -> object:
        """What of the source decides the output."""
        return source.helm, source.name, source.namespace

    def collect(self, source: Source, ground: Ground) -> Inputs:
        """The chart with its dependencies, and the files of values."""
        given = source.helm or Helm()
        path = posixpath.normpath(source.path.strip("/") or ".")
        path = "" if path == "." else path
        if source.chart:
            path = chart.only(ground.own, source.chart)
        laid = chart.lay(ground, ground.own, path, _CHART)
        plan = Plan(path, laid, values.value_files(ground, given, path), values.files(ground, given, path))
        files = [file for _, file in laid.files.values()]
        files += [
            one.file._replace(name=f"{kind}{number}")
            for kind, listed in (("values", plan.value_files), ("file", plan.files))
            for number, one in enumerate(listed)
        ]
        capabilities = not (given.kube_version and given.api_versions)
        return Inputs(tuple(files), ground.reads(), capabilities, plan)

    def build(
        self, inputs: Inputs, source: Source, ground: Ground, parameters: Parameters, programs: Programs
    ) -> Rendered:
        """What ``helm template`` prints for them."""
        del ground
        plan: Plan = inputs.plan
        given = source.helm or Helm()
        files = chart.contents(plan.laid)
        arguments = ["template", given.release_name or source.name or plan.laid.name, _CHART]
        arguments += _flags(given, source, parameters)
        named: dict[str, str] = {}
        for number, one in enumerate(plan.value_files):
            at = f"values/{number}.yaml"
            files[at], named[at] = one.tree.read(one.file.path), one.file.path
            arguments += ["--values", at]
        for number, text in enumerate(given.values):
            at = f"values/inline-{number}.yaml"
            files[at], named[at] = text.encode(), "the Application's values"
            arguments += ["--values", at]
        for parameter in given.parameters:
            flag = "--set-string" if parameter.force_string else "--set"
            arguments += [flag, f"{parameter.name}={_clean(parameter.value)}"]
        for number, (file, found) in enumerate(zip(given.file_parameters, plan.files, strict=True)):
            at = f"values/file-{number}"
            files[at], named[at] = found.tree.read(found.file.path), found.file.path
            arguments += ["--set-file", f"{file.name}={at}"]
        place = manifests.placed(plan.path, plan.laid.name)
        try:
            done = programs.run(Name.HELM, arguments, files)
        except ProgramFailed as error:
            told = _worded(error.errors, plan, named) or error.text
            where = "" if plan.path and plan.path in told else f"{plan.path or plan.laid.name}: "
            raise RenderFailed(where + told) from None
        return replace(manifests.manifests(done.stdout, place), warnings=_warnings(plan.laid))


def _flags(given: Helm, source: Source, parameters: Parameters) -> list[str]:
    flags = ["--namespace", given.namespace or source.namespace or "default"]
    version = given.kube_version or parameters.kube_version
    if version:
        flags += ["--kube-version", version]
    versions = given.api_versions or parameters.api_versions
    if versions:
        flags += ["--api-versions", ",".join(versions)]
    if not given.skip_crds:
        flags.append("--include-crds")
    if given.skip_tests:
        flags.append("--skip-tests")
    if given.skip_schema_validation:
        flags.append("--skip-schema-validation")
    return flags


def _clean(value: str) -> str:
    """A comma is a comma, unless a list is written as one: Argo CD's rule."""
    return value if value.startswith("{") and value.endswith("}") else _COMMA.sub(r"\\,", value)


def _warnings(laid: Laid) -> tuple[str, ...]:
    if not laid.lookups:
        return ()
    more = f" and {len(laid.lookups) - 1} more" if len(laid.lookups) > 1 else ""
    return (
        f"{laid.lookups[0]}{more}: lookup finds nothing here, since no cluster is asked while a chart is rendered",
    )


def _worded(text: str, plan: Plan, named: dict[str, str]) -> str:
    """What Helm wrote, on one line, with the repository's paths."""
    lines = [line.strip() for line in text.splitlines()]
    told = [line for line in lines if line and not line.startswith(("level=", "time=", "Use --debug"))]
    joined = " ".join(told).removeprefix("Error: ").removeprefix("INSTALLATION FAILED: ")
    for at, name in named.items():
        joined = joined.replace(at, name)
    if plan.path and plan.laid.name:
        joined = re.sub(
            rf"(?<![\w/.-]){re.escape(plan.laid.name)}/(?=(?:templates|charts|crds|values)\b)",
            f"{plan.path}/",
            joined,
        )
    return joined if len(joined) <= _LONGEST else joined[: _LONGEST - 3] + "..."
