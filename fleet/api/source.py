"""Where an Application's manifests are and how they are rendered: ``spec.source``, ``spec.sources``, ``spec.overrides``.

Field names and meanings are Argo CD's (``ApplicationSource``, v3); what differs stands in docs/sources.md. In most
strings facts of the cluster may stand: ``{{ cluster.labels.region }}``.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints, WithJsonSchema

from fleet.api.rules import Rule, Ruled
from fleet.api.selector import LabelSelector
from fleet.api.shape import ATOMIC_LIST, ATOMIC_MAP, GIVEN, Flag, FreeForm, Model

Glob = Annotated[str, StringConstraints(max_length=1024)]
RepositoryURL = Annotated[str, StringConstraints(pattern=r"^[^-\s]\S*$", min_length=1, max_length=2048)]
# A revision of Git, or a version or range of versions of a chart: those may hold spaces, ^, ~ and *.
RevisionName = Annotated[
    str, StringConstraints(pattern=r"^[^-\s:?\[\\][^\t\n\r\f\v:?\[\\]*$", min_length=1, max_length=255)
]
_GIT_REVISION = r"^[^\s~^:?*\[\\]+$"
RepositoryPath = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1024),
    Rule(
        "!self.startsWith('/') && !self.split('/').exists(part, part == '..')",
        "must be relative to the repository's root, without '..'",
        lambda path: not path.startswith("/") and ".." not in path.split("/"),
    ),
]
# The same as a pattern: where it stands in lists of lists, CEL would cost more than the API server allows.
_SEGMENT = r"[^./][^/]*|\.[^./][^/]*|\.\.[^/]+"
RelativePath = Annotated[
    str, StringConstraints(pattern=rf"^(\.|{_SEGMENT})(/(\.?|{_SEGMENT}))*$", min_length=1, max_length=1024)
]
Word = Annotated[str, StringConstraints(max_length=1024)]
Text = Annotated[str, StringConstraints(max_length=1_000_000)]
Words = Annotated[tuple[Word, ...], Field(max_length=200)]
Pairs = Mapping[str, Word]
# Argo CD takes a number or a string of digits.
Count = Annotated[
    int | Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}$")],
    WithJsonSchema({"x-kubernetes-int-or-string": True}),
]


class Directory(Model):
    """How a folder of plain manifests is read."""

    recurse: Flag = Field(default=False, description="Whether manifests in folders below count too.")
    include: Glob = Field(
        default="*", description="Glob of the files to read; {a,b} gives alternatives.", min_length=1
    )
    exclude: Glob = Field(
        default="", description="Glob of files to leave out of those; empty leaves none out."
    )
    substitute: Flag = Field(
        default=False,
        description="Whether facts of the cluster are filled in, in the manifests' own strings.",
    )


class PatchTarget(Model):
    """Which objects a patch is for; what is absent says nothing, names are regular expressions."""

    group: Word = Field(default="", description="API group.")
    version: Word = Field(default="", description="Version of the API.")
    kind: Word = Field(default="", description="Kind.")
    name: Word = Field(default="", description="Name.")
    namespace: Word = Field(default="", description="Namespace.")
    label_selector: Word = Field(default="", description="Label selector as kubectl writes it.")
    annotation_selector: Word = Field(default="", description="The same for annotations.")


class Patch(Ruled, Model):
    """A patch of Kustomize: strategic merge or JSON 6902."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            None,
            "exactly one of patch and path must be given",
            lambda self: (self.patch is None) != (self.path is None),
        ),
    )

    patch: Annotated[Text | None, GIVEN] = Field(default=None, description="The patch itself.")
    path: Annotated[RelativePath | None, GIVEN] = Field(
        default=None, description="Its file, seen from the source's path."
    )
    target: Annotated[PatchTarget | None, GIVEN] = Field(
        default=None, description="Which objects it is for; absent: the one that it names."
    )
    options: Annotated[Mapping[str, Flag] | None, GIVEN] = Field(
        default=None, description="allowNameChange, allowKindChange.", max_length=8
    )


class Replicas(Model):
    """How many replicas a workload gets."""

    name: Word = Field(description="Name of the workload.", min_length=1)
    count: Count = Field(description="How many.")


class Kustomize(Model):
    """What is added to the kustomization at the path."""

    name_prefix: Word = Field(default="", description="Put before every name.")
    name_suffix: Word = Field(default="", description="Put behind every name.")
    images: Words = Field(
        default=(),
        description="Images to replace: [OLD=]NEW[:TAG|@DIGEST].",
        json_schema_extra=ATOMIC_LIST,
    )
    replicas: tuple[Replicas, ...] = Field(
        default=(), max_length=200, description="Numbers of replicas.", json_schema_extra=ATOMIC_LIST
    )
    common_labels: Pairs = Field(
        default_factory=dict,
        max_length=64,
        description="Labels for every object.",
        json_schema_extra=ATOMIC_MAP,
    )
    label_without_selector: Flag = Field(default=False, description="Whether these stay out of selectors.")
    label_include_templates: Flag = Field(
        default=False, description="Whether they go into templates though they stay out of selectors."
    )
    common_annotations: Pairs = Field(
        default_factory=dict,
        max_length=64,
        description="Annotations for every object.",
        json_schema_extra=ATOMIC_MAP,
    )
    common_annotations_envsubst: Flag = Field(
        default=False, description="Whether $ARGOCD_APP_NAME and its like are filled in in these."
    )
    namespace: Word = Field(default="", description="Namespace of every object that has one.")
    patches: tuple[Patch, ...] = Field(
        default=(), max_length=100, description="Patches, in order.", json_schema_extra=ATOMIC_LIST
    )
    components: Words = Field(
        default=(), description="Components, seen from the path.", json_schema_extra=ATOMIC_LIST
    )
    ignore_missing_components: Flag = Field(
        default=False, description="Whether components that are not there are passed over."
    )
    kube_version: Word = Field(default="", description="Version of Kubernetes for charts, not the cluster's.")
    api_versions: Words = Field(
        default=(), description="API versions for charts, not the cluster's.", json_schema_extra=ATOMIC_LIST
    )


class HelmParameter(Model):
    """One value by its path."""

    name: Word = Field(description="Path of the value, as in helm --set.", min_length=1)
    value: Text = Field(default="", description="The value.")
    force_string: Flag = Field(default=False, description="Whether it is a string whatever it looks like.")


class FileParameter(Model):
    """One value that is a file's content."""

    name: Word = Field(description="Path of the value, as in helm --set-file.", min_length=1)
    path: Word = Field(description="The file, seen from the source's path, or $ref/path.", min_length=1)


class Helm(Model):
    """How the chart at the path is rendered."""

    release_name: Word = Field(default="", description="Name of the release; absent: the Application's.")
    namespace: Word = Field(default="", description="Namespace of the release; absent: the Application's.")
    value_files: Words = Field(
        default=(),
        description="Value files, seen from the path, or $ref/path; globs; later ones win.",
        json_schema_extra=ATOMIC_LIST,
    )
    ignore_missing_value_files: Flag = Field(
        default=False, description="Whether value files that are not there are passed over."
    )
    values: Text = Field(default="", description="Values as YAML; they win over files.")
    values_object: Annotated[FreeForm | None, GIVEN] = Field(
        default=None, description="Values as an object; in place of values where both are given."
    )
    parameters: tuple[HelmParameter, ...] = Field(
        default=(),
        max_length=500,
        description="Single values; they win over all.",
        json_schema_extra=ATOMIC_LIST,
    )
    file_parameters: tuple[FileParameter, ...] = Field(
        default=(), max_length=100, description="Values from files.", json_schema_extra=ATOMIC_LIST
    )
    skip_crds: Flag = Field(default=False, description="Whether the chart's folder crds/ is left out.")
    skip_tests: Flag = Field(default=False, description="Whether the chart's tests are left out.")
    skip_schema_validation: Flag = Field(
        default=False, description="Whether values.schema.json is not held against the values."
    )
    pass_credentials: Flag = Field(
        default=False, description="Whether a chart on another host than its index gets the credentials too."
    )
    version: Annotated[Literal["v3", "v4"] | None, GIVEN] = Field(
        default=None, description="Accepted as Argo CD writes it; charts are rendered by Helm 4."
    )
    kube_version: Word = Field(default="", description="Version of Kubernetes, not the cluster's.")
    api_versions: Words = Field(
        default=(), description="API versions, not the cluster's.", json_schema_extra=ATOMIC_LIST
    )


class Source(Ruled, Model):
    """Where manifests are."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "[has(self.directory), has(self.kustomize), has(self.helm)].filter(given, given).size() <= 1",
            "at most one of directory, kustomize and helm can be given",
            lambda self: len({"directory", "kustomize", "helm"} & self.model_fields_set) <= 1,
        ),
        Rule(
            "!has(self.chart) || !(has(self.path) || has(self.directory) || has(self.kustomize))",
            "a chart of a chart repository has neither path nor directory nor kustomize",
            lambda self: self.chart is None or not {"path", "directory", "kustomize"} & self.model_fields_set,
        ),
        Rule(
            "has(self.chart) || !has(self.targetRevision) || self.targetRevision.matches(r'^[^\\s~^:?*\\[\\\\]+$')",
            "targetRevision must be a branch, tag, full ref name or commit",
            lambda self: self.chart is not None or _git(self.target_revision),
        ),
        Rule(
            "!has(self.chart) || has(self.targetRevision)",
            "a chart needs a version or a range of versions in targetRevision",
            lambda self: self.chart is None or "target_revision" in self.model_fields_set,
        ),
    )

    repo_url: RepositoryURL = Field(
        alias="repoURL",
        description="URL of the Git repository (https://, ssh:// or git@host:path), or of the chart repository "
        "(https:// or oci://).",
    )
    target_revision: RevisionName = Field(
        default="HEAD",
        description="Branch, tag, full ref name (refs/heads/main) or commit; of a chart its version or a range.",
    )
    path: RepositoryPath = Field(default=".", description="Folder in the repository.")
    chart: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", max_length=255)] | None,
        GIVEN,
    ] = Field(default=None, description="Name of the chart in a chart repository.")
    ref: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=63)] | None, GIVEN
    ] = Field(
        default=None,
        description="Name by which value files of other sources mean this one; without path, nothing of it is rendered.",
    )
    directory: Directory = Field(
        default_factory=Directory, description="How a folder of plain manifests is read."
    )
    kustomize: Annotated[Kustomize | None, GIVEN] = Field(
        default=None, description="What is added to the kustomization at the path."
    )
    helm: Annotated[Helm | None, GIVEN] = Field(default=None, description="How the chart is rendered.")

    @property
    def silent(self) -> bool:
        """Whether it only lends its files to other sources."""
        return self.ref is not None and self.chart is None and "path" not in self.model_fields_set


class Override(Model):
    """What is otherwise on some clusters."""

    cluster_selector: LabelSelector = Field(
        description="The clusters that it is for, by their labels; {} is all."
    )
    helm: Annotated[Helm | None, GIVEN] = Field(
        default=None, description="Values merged, parameters and files added, in every source of a chart."
    )
    kustomize: Annotated[Kustomize | None, GIVEN] = Field(
        default=None, description="Added to every source of a kustomization; single words are replaced."
    )
    patches: tuple[Patch, ...] = Field(
        default=(),
        max_length=100,
        description="Patches on any rendered object, after everything else.",
        json_schema_extra=ATOMIC_LIST,
    )
    skip: Flag = Field(default=False, description="Whether the Application does not go to these clusters.")


def _git(name: Any) -> bool:
    return not set("~^:?*[\\") & set(name) and not any(each.isspace() for each in name)
