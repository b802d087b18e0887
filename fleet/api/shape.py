"""What all models of the hub's kinds have in common, and the types of their fields."""

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    JsonValue,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema

from fleet.api.rules import Rule
from fleet.documents import deep
from fleet.documents.limits import Limits

LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
NAME = rf"^{LABEL}(\.{LABEL})*$"
NAME_MAX = 253


class Model(BaseModel):
    """An object of the API: frozen, camelCase on the wire, and an unknown field is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        hide_input_in_errors=True,
        serialize_by_alias=True,
    )


class _Given:
    """Makes ``T | None`` mean *T or absent*: an explicit null is refused, as the API server refuses it."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        found = handler(source)
        return found["schema"] if found["type"] == "nullable" else found


GIVEN = _Given()

# A DNS subdomain, as Kubernetes names objects; a DNS label, as it names namespaces.
Name = Annotated[str, StringConstraints(pattern=NAME, min_length=1, max_length=NAME_MAX)]
Namespace = Annotated[str, StringConstraints(pattern=rf"^{LABEL}$", min_length=1, max_length=63)]

# The URL of an API server: https, and no user, query or fragment.
Server = Annotated[str, StringConstraints(pattern=r"^https://[^/?#@\s]+(/[^?#\s]*)?$", max_length=2048)]

# A whole object that is nobody's business but its reader's: kept as it is, explicit nulls included. The API server
# stores ten thousand levels of it; a schema without end cannot bound them.
DEEPEST = Limits().depth
FreeForm = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
    Rule(None, f"must be nested at most {DEEPEST} deep", lambda value: deep.within(value, DEEPEST)),
]

Flag = Annotated[bool, Field(strict=True)]
Number = Annotated[int, Field(strict=True)]

ATOMIC_LIST: dict[str, JsonValue] = {"x-kubernetes-list-type": "atomic"}
ATOMIC_MAP: dict[str, JsonValue] = {"x-kubernetes-map-type": "atomic"}
