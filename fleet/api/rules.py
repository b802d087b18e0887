"""A rule in two languages: CEL, which the API server evaluates, and Python, for what comes from Git."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

CEL = "x-kubernetes-validations"
RULE = "fleethub_rule"


class Rule:
    """What must hold: ``cel`` for the API server, ``holds`` the same in Python, ``message`` when it does not.

    Without ``cel`` only the hub judges: deep in lists of lists the API server allows no rule its cost. As an annotation it belongs to a field, in ``Ruled.RULES`` to an object. The message names no value.
    Both languages judge alike; tests put the same objects to both.
    """

    __slots__ = ("cel", "holds", "message")

    def __init__(self, cel: str | None, message: str, holds: Callable[[Any], bool]) -> None:
        self.cel = cel
        self.message = message
        self.holds = holds

    def check(self, value: Any) -> Any:
        """The value itself. Raises the error that ``parse`` turns into words."""
        if not self.holds(value):
            raise PydanticCustomError(RULE, "{words}", {"words": self.message})
        return value

    def schema(self) -> dict[str, str]:
        """The entry of ``x-kubernetes-validations``."""
        return {"rule": self.cel or "", "message": self.message}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = handler(schema)
        return {**found, CEL: [*found.get(CEL, []), self.schema()]} if self.cel else found


class Ruled(BaseModel):
    """A model whose ``RULES`` hold for the object as a whole."""

    RULES: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _judge(self) -> Self:
        for rule in self.RULES:
            rule.check(self)
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = handler.resolve_ref_schema(handler(schema))
        told = [rule.schema() for rule in cls.RULES if rule.cel]
        if told:
            found[CEL] = told
        return found
