"""Templates that are written to learn values, to leave the engine, or to bring the process down."""

from __future__ import annotations

import time
import traceback

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fleet.errors import FleetError
from fleet.secrets.template import TemplateFailed, TemplateRefused, render
from fleet.secrets.template.functions.table import NAMES

CANARY = "cn4ry-s3cr3t"
VALUES = {"p": CANARY, "n": "7", "bin": b"\xff" + CANARY.encode(), "m": {CANARY: [CANARY]}}


def failure(text: str) -> FleetError:
    with pytest.raises((TemplateFailed, TemplateRefused)) as failed:
        render(text, VALUES, name="t")
    return failed.value


def silent(error: FleetError) -> None:
    assert CANARY not in "".join(traceback.format_exception(error))
    assert CANARY not in repr(vars(error))
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize(
    "text",
    [
        "{{ fail .p }}",
        "{{ index . .p }}",
        "{{ .p | index . }}",
        "{{ index .m .p 9 }}",
        '{{ index .m (index .m .p 0) "x" }}',
        "{{ index .p .p }}",
        "{{ .p.x }}",
        "{{ (index .m .p).x }}",
        "{{ b64dec .p }}",
        "{{ b32dec .p }}",
        "{{ fromJson .p }}",
        "{{ fromYaml .p }}",
        '{{ fromYaml (printf "a: 1\\na: %s" .p) }}',
        '{{ fromYaml (printf "{%s" .p) }}',
        "{{ printf .p }}{{ printf .p 1 }}",
        '{{ printf "%d" .p }}',
        "{{ repeat 1 1 .p }}",
        "{{ range .p }}{{ end }}",
        "{{ eq .p 1 }}",
        "{{ lt .p 1 }}",
        "{{ eq .m .m }}",
        "{{ ternary 1 2 .p }}",
        "{{ until .p }}",
        "{{ dig .p .m }}",
        "{{ dig .p 1 .m .m }}",
        "{{ first .p }}",
        '{{ slice .p 5 "2" }}',
        "{{ substr 5 2 .p }}",
        "{{ .bin | fromJson }}",
        "{{ keys .p }}",
        "{{ typeOf .m }}",
    ],
)
def test_an_error_holds_nothing_that_was_computed(text: str) -> None:
    silent(failure(text))


@pytest.mark.parametrize(
    "text",
    [
        "{{ .__class__ }}",
        "{{ .p.__class__ }}",
        "{{ .p.upper }}",
        "{{ $.keys }}",
        "{{ .m.items }}",
        '{{ index .p "__class__" }}',
        '{{ index . "__class__" }}',
        '{{ get .p "__class__" }}',
        "{{ __import__ }}",
        '{{ printf "{0.__class__}" .p | printf "%s" .p.x }}',
        "{{ call .p }}",
        "{{ (list).append 1 }}",
    ],
)
def test_nothing_but_the_values_can_be_reached(text: str) -> None:
    silent(failure(text))


GROWS = '{{ $x := "aaaaaaaaaaaaaaaa" }}' + "{{ $x = print $x $x $x $x $x $x $x $x }}" * 30
NESTS = "{{ $x := list 1 }}" + "{{ $x = list $x $x }}" * 200


@pytest.mark.parametrize(
    "text",
    [
        '{{ repeat 1000000000 "a" }}',
        '{{ repeat 9223372036854775807 "ab" }}',
        '{{ indent 1000000000 "a" }}',
        '{{ "\\n\\n\\n" | nindent 400000 }}',
        "{{ until 9223372036854775807 }}",
        "{{ untilStep -9223372036854775807 9223372036854775807 1 }}",
        "{{ range 9223372036854775807 }}{{ end }}",
        "{{ range until 60000 }}{{ range until 60000 }}{{ end }}{{ end }}",
        '{{ printf "%1000000000d" 1 }}',
        '{{ printf "%.999999999f" 1.0 }}',
        '{{ printf "%99999999999999999999999999s" "a" }}',
        '{{ replace "a" (repeat 1000 "b") (repeat 10000 "a") }}',
        '{{ replace "" (repeat 1000 "b") (repeat 10000 "a") }}',
        '{{ $x := repeat 1000000 "a" }}{{ range until 1000 }}{{ if contains "b" $x }}{{ end }}{{ end }}',
        '{{ $x := repeat 1000000 "a" }}{{ range until 1000 }}{{ sha256sum $x }}{{ end }}',
        '{{ $x := repeat 1000000 "é" }}{{ splitList "" $x }}',
        "{{ range until 60000 }}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{{ end }}",
        GROWS,
        f"{NESTS}{{{{ $x }}}}",
        f"{NESTS}{{{{ toJson $x }}}}",
        f"{NESTS}{{{{ toYaml $x }}}}",
        f"{NESTS}{{{{ has $x (list $x) }}}}",
        "{{ $x := list 1 }}" + "{{ $x = list $x }}" * 100 + "{{ toPrettyJson $x }}",
        '{{ $x := list (repeat 60000 "a") }}{{ range until 20 }}{{ $x = concat $x $x }}{{ end }}{{ join "" $x }}',
        "{{ if 1 }}" * 100 + "{{ end }}" * 100,
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ if 1 }}" * 20_000,
        "{{" * 100_000,
        "a" * 262_145,
        "{{ $x := 1 }}" * 300,
        '{{ fromJson (repeat 300000 "[") }}',
        '{{ fromYaml (printf "a: %s" (repeat 5000 "[")) }}',
        '{{ int "' + "9" * 6000 + '" | printf "%s" }}',
        "{{ " + "9" * 6000 + " }}",
    ],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_a_bomb_ends_early_in_an_error(text: str) -> None:
    began = time.monotonic()
    silent(failure(text))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("value", ["\ud800", {"\ud800": 1}, object(), 1 << 70, float("nan"), {1: 2}])
def test_a_value_that_is_none_of_the_templates_fails_in_words(value: object) -> None:
    with pytest.raises(TemplateFailed) as failed:
        render("{{ .a }}", {"a": value}, name="t")
    silent(failed.value)


def test_values_are_never_changed() -> None:
    values = {"m": {"a": [1, 2]}}
    render(
        '{{ $x := append .m.a 3 }}{{ $y := omit .m "a" }}{{ $x }}{{ range .m.a }}{{ end }}', values, name="t"
    )
    assert values == {"m": {"a": [1, 2]}}


_PIECES = st.sampled_from(
    [
        "{{", "}}", "{{-", "-}}", " ", "(", ")", "|", ":=", "=", ",", "$", "$x", ".", ".p", ".m", ".n", ".bin", "nil",
        "if", "with", "range", "else", "end", "break", "continue", '"a"', "`b`", "'c'", "1", "-2", "1.5", "true",
        "/*", "*/", "\n", "text", "é", "\\", '"%v %s %d"', *sorted(NAMES),
    ]
)  # fmt: skip
_ARGUMENTS = st.sampled_from(
    [
        ".p",
        ".m",
        ".bin",
        "nil",
        "1",
        "-1",
        "2.5",
        '"a"',
        '""',
        "true",
        "(list .p 1)",
        "(int64 3)",
        "9999999",
        "$",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_PIECES, max_size=25).map(" ".join) | st.lists(_PIECES, max_size=25).map("".join) | st.text())
@example("{{ $x := 1 }}{{ $x.y }}")
def test_any_text_gives_bytes_or_a_silent_error(text: str) -> None:
    try:
        render(text, VALUES, name="t")
    except (TemplateFailed, TemplateRefused) as error:
        silent(error)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(NAMES)), st.lists(_ARGUMENTS, max_size=4))
def test_any_call_gives_bytes_or_a_silent_error_that_was_foreseen(name: str, arguments: list[str]) -> None:
    said = ""
    try:
        render(f"{{{{ {name} {' '.join(arguments)} }}}}", VALUES, name="t")
    except (TemplateFailed, TemplateRefused) as error:
        silent(error)
        said = error.text
    assert not said.endswith((f"{name} failed", "it cannot be evaluated"))
