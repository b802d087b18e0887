"""Which files of which commit are rendered, and how.

Contract: resolved for one cluster: facts are filled in, overrides applied. The fields of `Kustomize` and `Helm`
are Argo CD's (``spec.source.kustomize`` and ``spec.source.helm``, v3) in our spelling. JSON values inside them are
kept as text, so that equal sources are equal and can be hashed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fleet.model import Revision

Pairs = tuple[tuple[str, str], ...]
"""A mapping of strings, in the order of its keys."""


@dataclass(frozen=True, slots=True)
class Directory:
    """How a directory of plain manifests is read; globs as in `globs`, an empty one matches nothing."""

    recurse: bool = False
    include: str = "*"
    exclude: str = ""
    substitute: bool = False  # facts of the cluster are filled in after the render


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch of Kustomize: its text or the path of its file, and which objects it is for (JSON objects)."""

    patch: str = ""
    path: str = ""
    target: str = ""  # JSON: group, version, kind, name, namespace, labelSelector, annotationSelector
    options: str = ""  # JSON: name to bool


@dataclass(frozen=True, slots=True)
class Replicas:
    """How many replicas the workload of a name gets."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Kustomize:
    """What is added on top of the kustomization at the path, as ``kustomize edit`` would."""

    name_prefix: str = ""
    name_suffix: str = ""
    images: tuple[str, ...] = ()  # [old=]new[:tag|@digest]
    replicas: tuple[Replicas, ...] = ()
    common_labels: Pairs = ()
    label_without_selector: bool = False
    label_include_templates: bool = False
    common_annotations: Pairs = ()
    namespace: str = ""
    patches: tuple[Patch, ...] = ()
    components: tuple[str, ...] = ()
    ignore_missing_components: bool = False
    kube_version: str = ""  # in place of the cluster's
    api_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HelmParameter:
    """``--set name=value``, or ``--set-string`` where it is forced to be a string."""

    name: str
    value: str
    force_string: bool = False


@dataclass(frozen=True, slots=True)
class FileParameter:
    """``--set-file name=path``."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Helm:
    """How a chart is rendered. Precedence, weakest first: value files in order, values, file parameters, parameters.

    A value file is relative to the source's path, or ``$ref/path`` in another source; it may be a glob.
    ``values`` is YAML text; what was given as an object arrives here as JSON, which is YAML.
    """

    release_name: str = ""
    namespace: str = ""
    value_files: tuple[str, ...] = ()
    ignore_missing_value_files: bool = False
    values: tuple[str, ...] = ()  # documents, later ones win
    parameters: tuple[HelmParameter, ...] = ()
    file_parameters: tuple[FileParameter, ...] = ()
    skip_crds: bool = False
    skip_tests: bool = False
    skip_schema_validation: bool = False
    pass_credentials: bool = False
    kube_version: str = ""  # in place of the cluster's
    api_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A path (a directory or one file) in a repository at a revision; ``.`` is the root, as is no path.

    ``chart`` names a chart of a chart repository; ``repo`` is then that repository's URL, ``revision.commit`` the
    chart's exact version and the path the chart's folder in its archive. At most one of ``kustomize`` and ``helm``
    is given; where neither is, what lies at the path decides, unless ``plain`` says that plain manifests do.
    ``ref`` is the name by which value files of other sources refer to this one. ``name`` is the Application's, a
    release's where it is given none; ``namespace`` that of objects that name none.
    """

    repo: str
    revision: Revision
    path: str
    directory: Directory = field(default_factory=Directory)
    kustomize: Kustomize | None = None
    helm: Helm | None = None
    chart: str = ""
    ref: str = ""
    name: str = ""
    namespace: str = ""
    plain: bool = False
