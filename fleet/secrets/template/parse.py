"""A template's text as a syntax tree.

Contract: pure. The grammar is that of ``text/template/parse``. Raises ``Refusal`` with the line for what does not
parse, for functions that the caller does not know, and for what this engine leaves out: named templates
(``define``, ``template``, ``block``) and arguments to anything but a function, which would be method calls.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from fleet.secrets.template import literals
from fleet.secrets.template.errors import Refusal, shown
from fleet.secrets.template.lex import Kind, Token, tokens
from fleet.secrets.template.limits import DEPTH, TEMPLATE, VARIABLES
from fleet.secrets.template.syntax import (
    Action,
    Body,
    Branch,
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

_LEFT_OUT: Final = frozenset({"define", "template", "block"})
_CONSTANTS: Final[dict[str, bool | None]] = {"true": True, "false": False, "nil": None}
_KEYWORDS: Final = frozenset({"if", "with", "range", "else", "end", "break", "continue", *_LEFT_OUT})
_LITERALS: Final[dict[Kind, Callable[[str, int], str | int | float]]] = {
    Kind.STRING: literals.string,
    Kind.RAW: literals.raw_string,
    Kind.CHARACTER: literals.character,
    Kind.NUMBER: literals.number,
}


def parse(text: str, functions: Collection[str], refused: Callable[[str], str]) -> Body:
    """The tree of the text; ``refused`` says why a function that is not among ``functions`` is none."""
    if len(text) > TEMPLATE or len(text.encode("utf-8", "surrogatepass")) > TEMPLATE:
        raise Refusal(f"the template has more than {TEMPLATE} bytes", 1)
    return _Parser(text, functions, refused).template()


class _Parser:
    """Recursive descent, no deeper than ``DEPTH``."""

    def __init__(self, text: str, functions: Collection[str], refused: Callable[[str], str]) -> None:
        self._tokens = list(tokens(text))
        self._at = 0
        self._functions = functions
        self._refused = refused
        self._variables = ["$"]
        self._depth = 0
        self._loops = 0

    def template(self) -> Body:
        body, word = self._body()
        if word is not None:
            raise Refusal(f"{word.text} does not belong to any action", word.line)
        return body

    # Tokens.

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _is_mark(self, *marks: str) -> bool:
        return self._next.kind is Kind.MARK and self._next.text in marks

    def _close(self, what: str) -> None:
        token = self._take()
        if token.kind is not Kind.CLOSE:
            raise Refusal(f"{what} is followed by something that does not belong there", token.line)

    def _deeper(self, line: int) -> None:
        self._depth += 1
        if self._depth > DEPTH:
            raise Refusal(f"actions and parentheses are nested more than {DEPTH} deep", line)

    # Text and actions.

    def _body(self) -> tuple[Body, Token | None]:
        """What stands up to ``end`` or ``else``, and that word; None at the end of the text."""
        nodes: list[Node] = []
        while (token := self._take()).kind is not Kind.END:
            if token.kind is Kind.TEXT:
                nodes.append(Text(token.text))
                continue
            word = self._next
            if word.kind is not Kind.WORD or word.text not in _KEYWORDS:
                nodes.append(Action(self._pipeline(Kind.CLOSE)))
                continue
            self._at += 1
            if word.text in ("end", "else"):
                return tuple(nodes), word
            nodes.append(self._control(word))
        self._at -= 1
        return tuple(nodes), None

    def _control(self, word: Token) -> Node:
        if word.text in _LEFT_OUT:
            raise Refusal(f"the action {word.text} is not supported", word.line)
        if word.text in ("break", "continue"):
            if not self._loops:
                raise Refusal(f"{word.text} stands outside of a range", word.line)
            self._close(word.text)
            return Jump(word.text)
        self._deeper(word.line)
        mark = len(self._variables)
        node = self._range(word) if word.text == "range" else self._conditional(word)
        del self._variables[mark:]
        self._depth -= 1
        return node

    def _conditional(self, opening: Token) -> Conditional:
        branches: list[Branch] = []
        while True:
            pipeline = self._pipeline(Kind.CLOSE)
            body, word = self._body()
            branches.append(Branch(pipeline, body))
            if word is None:
                raise _unclosed(opening)
            if word.text == "end":
                self._close("end")
                return Conditional(tuple(branches), (), opening.text == "with")
            if self._next.kind is Kind.WORD and self._next.text == opening.text:
                self._at += 1
                continue
            return Conditional(tuple(branches), self._otherwise(opening), opening.text == "with")

    def _range(self, opening: Token) -> Range:
        pipeline = self._pipeline(Kind.CLOSE, most=2)
        self._loops += 1
        body, word = self._body()
        self._loops -= 1
        if word is None:
            raise _unclosed(opening)
        if word.text == "end":
            self._close("end")
            return Range(pipeline, body, ())
        return Range(pipeline, body, self._otherwise(opening))

    def _otherwise(self, opening: Token) -> Body:
        self._close("else")
        body, word = self._body()
        if word is None:
            raise _unclosed(opening)
        if word.text != "end":
            raise Refusal(f"the {opening.text} has a second else", word.line)
        self._close("end")
        return body

    # Pipelines.

    def _pipeline(self, end: Kind, most: int = 1) -> Pipeline:
        """The pipeline up to the closing delimiter, or with ``Kind.MARK`` to the closing parenthesis."""
        line = self._next.line
        variables, assigns = self._declaration(most)
        first = self._command()
        calls: list[Call] = []
        while self._is_mark("|"):
            self._at += 1
            command = self._command()
            if not isinstance(command, Call):
                raise Refusal("a value is piped into something that is no function", self._next.line)
            calls.append(command)
        token = self._take()
        if token.kind is not end or (end is Kind.MARK and token.text != ")"):
            raise Refusal("a pipeline has something that does not belong there", token.line)
        if not assigns:
            self._variables.extend(variables)
        if len(self._variables) > VARIABLES:
            raise Refusal(f"more than {VARIABLES} variables are in scope", line)
        return Pipeline(first, tuple(calls), variables, assigns, line)

    def _declaration(self, most: int) -> tuple[tuple[str, ...], bool]:
        start = self._at
        names: list[str] = []
        while self._next.kind is Kind.VARIABLE and len(names) < most:
            names.append(self._take().text)
            if self._is_mark(":=", "="):
                assigns = self._take().text == "="
                for name in names:
                    if assigns:
                        self._known(name)
                return tuple(names), assigns
            if not self._is_mark(","):
                break
            self._at += 1
        self._at = start
        return (), False

    def _command(self) -> Operand:
        """A function with its arguments, or one operand."""
        token = self._next
        operands = [self._operand()]
        while self._next.kind not in (Kind.CLOSE, Kind.END) and not self._is_mark("|", ")"):
            if not self._next.spaced:
                raise Refusal("operands stand without a space between them", self._next.line)
            operands.append(self._operand())
        first, *arguments = operands
        if not arguments:
            return first
        if isinstance(first, Call) and token.kind is Kind.WORD:
            return Call(first.name, tuple(arguments), first.line)
        raise Refusal("arguments follow something that is no function: methods are not supported", token.line)

    def _operand(self) -> Operand:
        token = self._next
        term = self._term()
        names: list[str] = []
        while self._next.kind is Kind.FIELD and not self._next.spaced:
            names.append(self._take().text[1:])
        if not names:
            return term
        if isinstance(term, (Literal, Dot)):
            raise Refusal("a field is asked of something that has none", token.line)
        return Fields(term, tuple(names), token.line)

    def _term(self) -> Operand:
        token = self._take()
        if token.kind is Kind.DOT:
            return Dot()
        if token.kind is Kind.FIELD:
            return Fields(Dot(), (token.text[1:],), token.line)
        if token.kind is Kind.VARIABLE:
            self._known(token.text)
            return Variable(token.text, token.line)
        if token.kind is Kind.WORD:
            return self._word(token)
        if token.kind is Kind.MARK and token.text == "(":
            self._deeper(token.line)
            inner = self._pipeline(Kind.MARK)
            self._depth -= 1
            return inner
        if reader := _LITERALS.get(token.kind):
            return Literal(reader(token.text, token.line))
        raise Refusal("a value is missing", token.line)

    def _word(self, token: Token) -> Operand:
        if token.text in _CONSTANTS:
            return Literal(_CONSTANTS[token.text])
        if token.text not in self._functions:
            raise Refusal(self._refused(token.text), token.line)
        return Call(token.text, (), token.line)

    def _known(self, name: str) -> None:
        if name not in self._variables:
            raise Refusal(f"the variable {shown(name)} is not defined", self._next.line)


def _unclosed(opening: Token) -> Refusal:
    return Refusal(f"the action {opening.text} has no end", opening.line)
