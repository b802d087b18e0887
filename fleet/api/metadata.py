"""``metadata`` as the hub reads it. Whatever else the API server keeps there is ignored."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from fleet.api.shape import Model, Name

# What Kubernetes knows there; a manifest that has more, most often a misspelt word, is refused by ``parse``.
KNOWN = frozenset(
    {
        "annotations",
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generateName",
        "generation",
        "labels",
        "managedFields",
        "name",
        "namespace",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)


def _time(value: Any) -> Any:
    """RFC 3339 to seconds; null, which clients write into new objects, is no time."""
    if value is None:
        return 0.0
    if isinstance(value, datetime):  # what YAML makes of an unquoted time
        return value.timestamp()
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else value


def _some(value: Any) -> Any:
    return {} if value is None else value


Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
Texts = Annotated[Mapping[str, str], BeforeValidator(_some)]


class ObjectMeta(Model):
    """Names, versions, labels and annotations of an object; nulls read as absent, as Kubernetes reads them.

    ``created`` is in seconds since the epoch, 0 for an object that does not exist yet.
    """

    model_config = ConfigDict(extra="ignore")

    name: Name
    namespace: Text = ""
    uid: Text = ""
    resource_version: Text = ""
    generation: int = 0
    labels: Texts = Field(default_factory=dict)
    annotations: Texts = Field(default_factory=dict)
    finalizers: Annotated[tuple[str, ...], BeforeValidator(lambda value: () if value is None else value)] = ()
    created: Annotated[float, BeforeValidator(_time)] = Field(default=0.0, alias="creationTimestamp")
    deleting: Annotated[bool, BeforeValidator(lambda value: value is not None)] = Field(
        default=False, alias="deletionTimestamp"
    )
