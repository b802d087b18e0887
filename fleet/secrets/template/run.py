"""A syntax tree over values.

Contract: pure; the values are those of ``values``, and no attribute or method of any Python object can be reached:
a field is a key of a map. Raises ``Fault`` with the line. A key that is not there is an error, as with ESO's
``missingkey=error``; so is a nil that would be written. What an argument holds is charged before a function runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fleet.secrets.template import printing
from fleet.secrets.template.errors import Fault, KeyMissing, shown
from fleet.secrets.template.functions.signature import Function, Kind
from fleet.secrets.template.functions.table import FUNCTIONS, SHORT_CIRCUIT
from fleet.secrets.template.limits import Budget
from fleet.secrets.template.syntax import (
    Action,
    Body,
    Call,
    Conditional,
    Dot,
    Fields,
    Jump,
    Literal,
    Node,
    Operand,
    Pipeline,
    Range,
    Text,
    Variable,
)
from fleet.secrets.template.values import Value, joined, raw, truth

_NOTHING: Final = object()  # nothing was piped into a call; a nil may be


def run(body: Body, values: dict[str, Value], budget: Budget) -> bytes:
    """What the template writes."""
    evaluation = _Evaluation(values, budget)
    evaluation.body(body, values)
    return b"".join(evaluation.output)


class _Evaluation:
    """The output so far, and the variables in scope, innermost last."""

    def __init__(self, values: dict[str, Value], budget: Budget) -> None:
        self.output: list[bytes] = []
        self._budget = budget
        self._variables: list[tuple[str, Value]] = [("$", values)]

    def body(self, body: Body, dot: Value) -> Jump | None:
        """Write the nodes; a jump is what the loop around must do."""
        for node in body:
            self._budget.step()
            if jump := self._node(node, dot):
                return jump
        return None

    def _node(self, node: Node, dot: Value) -> Jump | None:
        match node:
            case Text():
                self._write(node.text)
            case Action(pipeline):
                value = self._pipeline(pipeline, dot)
                if not pipeline.variables:
                    with _at(pipeline.line):
                        self._write(printing.text(value, self._budget))
            case Conditional():
                return self._conditional(node, dot)
            case Range():
                return self._range(node, dot)
            case Jump():
                return node
        return None

    def _write(self, text: str) -> None:
        data = raw(text)
        self._budget.write(len(data))
        self.output.append(data)

    # Control.

    def _conditional(self, node: Conditional, dot: Value) -> Jump | None:
        mark = len(self._variables)
        for branch in node.branches:
            value = self._pipeline(branch.pipeline, dot)
            if truth(value):
                jump = self.body(branch.body, value if node.moves else dot)
                break
        else:
            jump = self.body(node.otherwise, dot)
        del self._variables[mark:]
        return jump

    def _range(self, node: Range, dot: Value) -> Jump | None:
        outer = len(self._variables)
        pipeline = node.pipeline
        items = self._pipeline(pipeline, dot, binds=False)
        if not pipeline.assigns:
            self._variables.extend((name, None) for name in pipeline.variables)
        inner = len(self._variables)
        jump: Jump | None = None
        if not items:
            with _at(pipeline.line):
                next(
                    _items(items, len(pipeline.variables), self._budget), None
                )  # whether it is a list at all
            jump = self.body(node.otherwise, dot)
        else:
            with _at(pipeline.line):
                turns = _items(items, len(pipeline.variables), self._budget)
            for index, item in turns:
                self._budget.step()
                self._bind(pipeline, index, item, inner)
                turn = self.body(node.body, item)
                del self._variables[inner:]
                if turn is Jump.BREAK:
                    break
        del self._variables[outer:]
        return jump

    def _bind(self, pipeline: Pipeline, index: Value, item: Value, inner: int) -> None:
        names = pipeline.variables
        bound = (index, item)[-len(names) :] if names else ()
        for position, (name, value) in enumerate(zip(names, bound, strict=True)):
            if pipeline.assigns:
                self._assign(name, value)
            else:
                self._variables[inner - len(names) + position] = (name, value)

    def _assign(self, name: str, value: Value) -> None:
        for position in range(len(self._variables) - 1, -1, -1):
            if self._variables[position][0] == name:
                self._variables[position] = (name, value)
                return

    # Operands.

    def _pipeline(self, pipeline: Pipeline, dot: Value, *, binds: bool = True) -> Value:
        value = self._operand(pipeline.first, dot)
        for call in pipeline.calls:
            value = self._call(call, dot, value)
        if binds:
            for name in pipeline.variables:
                if pipeline.assigns:
                    self._assign(name, value)
                else:
                    self._variables.append((name, value))
        return value

    def _operand(self, operand: Operand, dot: Value) -> Value:
        self._budget.step()
        match operand:
            case Literal():
                return operand.value
            case Dot():
                return dot
            case Variable(name, line):
                for known, value in reversed(self._variables):
                    if known == name:
                        return value
                raise Fault(
                    f"the variable {shown(name)} was never set", line
                )  # its declaration was not reached
            case Fields():
                return self._fields(operand, dot)
            case Pipeline():
                return self._pipeline(operand, dot)
            case Call():
                return self._call(operand, dot, _NOTHING)

    def _fields(self, fields: Fields, dot: Value) -> Value:
        value = self._operand(fields.of, dot)
        for name in fields.names:
            if value is not None and not isinstance(value, dict):
                raise Fault(f"the field {shown(name)} is asked of something that is no map", fields.line)
            if value is None or name not in value:
                raise Fault(f"there is no key {shown(name)}", fields.line)
            value = value[name]
        return value

    def _call(self, call: Call, dot: Value, piped: object) -> Value:
        self._budget.step()
        with _at(call.line):
            if call.name in SHORT_CIRCUIT:
                return self._short_circuit(call, dot, piped)
            return self._function(call, dot, piped)

    def _short_circuit(self, call: Call, dot: Value, piped: object) -> Value:
        value: Value = None
        if not call.arguments and piped is _NOTHING:
            raise Fault(f"{call.name} has no argument")
        for argument in call.arguments:
            value = self._operand(argument, dot)
            if truth(value) is (call.name == "or"):
                return value
        return value if piped is _NOTHING else piped  # type: ignore[return-value]

    def _function(self, call: Call, dot: Value, piped: object) -> Value:
        function = FUNCTIONS[call.name]
        kinds = _kinds(call, function, piped)
        arguments = [
            _converted(self._operand(one, dot), kind) if isinstance(one, Literal) else self._operand(one, dot)
            for one, kind in zip(call.arguments, kinds, strict=False)
        ]
        if piped is not _NOTHING:
            arguments.append(piped)  # type: ignore[arg-type]
        for kind, value in zip(kinds, arguments, strict=True):
            if not kind.fits(value):
                raise Fault(f"{call.name} wants a {kind.value} and gets something else")
            self._budget.look(value)
        return _called(call, function, self._budget, arguments)


def _kinds(call: Call, function: Function, piped: object) -> list[Kind]:
    """The kind of each argument that the call has. Raises ``Fault`` where their number is wrong."""
    count = len(call.arguments) + (piped is not _NOTHING)
    least = len(function.parameters)
    if count < least or (count > least and function.rest is None):
        raise Fault(f"{call.name} has a wrong number of arguments")
    rest = [function.rest] * (count - least) if function.rest else []
    return [*function.parameters, *rest]


def _converted(value: Value, kind: Kind) -> Value:
    """A constant has no type yet: ``3.0`` serves where an int is wanted."""
    if kind is Kind.INT and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _called(call: Call, function: Function, budget: Budget, arguments: list[Value]) -> Value:
    text = ""
    try:
        value = function.call(budget, *arguments)
        if isinstance(value, str):
            budget.make(len(value))
            return joined(value)
    except KeyMissing as missing:
        # A key that is computed may be a secret; one that is written in the template is none.
        written = call.arguments[missing.argument] if missing.argument < len(call.arguments) else None
        literal = isinstance(written, Literal) and isinstance(written.value, str)
        text = f"there is no key {shown(str(written.value))}" if literal else missing.text  # type: ignore[union-attr]
    except Fault as fault:
        text = f"{call.name}: {fault.text}"
    except Exception:  # noqa: BLE001 (its text may hold values)
        text = f"{call.name} failed"
    else:
        return value
    raise Fault(text, call.line)


def _items(value: Value, variables: int, budget: Budget) -> Iterator[tuple[Value, Value]]:
    """Index and item of each turn, charged. Raises ``Fault`` at once for what has no items."""
    match value:
        case None:
            return iter(())
        case list():
            budget.look(value)
            return enumerate(value)
        case dict():
            budget.order(value)
            return ((key, value[key]) for key in sorted(value, key=raw))
        case int() if not isinstance(value, bool) and variables < 2:  # noqa: PLR2004 (index and item)
            return ((None, number) for number in range(value))
    raise Fault("range goes over lists, maps and numbers")


class _at:  # noqa: N801 (reads as a word)
    """Gives a fault that has no line this one."""

    def __init__(self, line: int) -> None:
        self._line = line

    def __enter__(self) -> None:
        """Nothing is held."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, Fault) and not error.line:
            error.line = self._line
