"""Templates that are written to learn values, to leave the engine, or to bring the process down."""

from __future__ import annotations

import contextlib
import time
import traceback
import tracemalloc

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from fleet.errors import FleetError
from fleet.secrets.template import Rendering, TemplateFailed, TemplateRefused, limits, render
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


LONG_KEYS = '{{ $s := repeat 300000 "a" }}{{ $m := dict (print $s 1) 1 (print $s 2) 1 (print $s 3) 1 }}'


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
        '{{ $l := until 60000 }}{{ range until 1000 }}{{ if has "a" $l }}{{ end }}{{ end }}',
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
        "{{ $l := until 65000 }}{{ range until 2000 }}{{ range $l }}{{ break }}{{ end }}{{ end }}",
        '{{ $m := split "" (repeat 60000 "a") }}{{ range until 2000 }}{{ range $m }}{{ break }}{{ end }}{{ end }}',
        f"{LONG_KEYS}{{{{ range until 50 }}}}{{{{ range $m }}}}{{{{ break }}}}{{{{ end }}}}{{{{ end }}}}",
        f"{LONG_KEYS}{{{{ range until 50 }}}}{{{{ $x := keys $m }}}}{{{{ end }}}}",
        f"{LONG_KEYS}{{{{ range until 50 }}}}{{{{ $x := values $m }}}}{{{{ end }}}}",
        "{{ $l := until 65000 }}" + "{{ $l = concat $l $l }}" * 6,
        "{{ $l := until 65000 }}{{ $k := list }}{{ range until 2000 }}{{ $k = append $k (reverse $l) }}{{ end }}",
        '{{ $s := repeat 1048576 "a" }}{{ $x := sortAlpha (list $s $s) }}',
        '{{ $s := repeat 1048576 "a" }}{{ $x := toStrings (list $s $s) }}',
        "{{ range until 1000 }}{{ $x := list " + "1 " * 200 + "}}{{ end }}",
    ],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_a_bomb_ends_early_in_an_error(text: str) -> None:
    began = time.process_time()
    silent(failure(text))
    assert time.process_time() - began < 20, "an end, however busy the machine is"


@pytest.mark.parametrize(
    "text",
    [
        '{{ $c := print (repeat 900000 "b") "a" }}{{ $x := trimAll $c (repeat 900000 "a") }}',
        '{{ $m := split "" (repeat 60000 "a") }}{{ $x := omit $m ' + '"x" ' * 20_000 + "}}",
    ],
    ids=["trimAll", "omit"],
)
def test_what_goes_through_two_large_values_goes_through_each_once(text: str) -> None:
    began = time.process_time()
    assert render(text, {}, name="t") == b""
    assert time.process_time() - began < 20, "an end, however busy the machine is"


@given(st.text("abé\ud83d\udc00"), st.text("abé\ud83d\udc00c"))
def test_trim_all_takes_off_whatever_is_one_of_the_characters(characters: str, text: str) -> None:
    wanted = text.encode("utf-8", "replace").decode()
    values = {"c": characters.encode("utf-8", "replace"), "t": wanted}
    given = characters.encode("utf-8", "replace").decode()
    assert render("{{ trimAll .c .t }}", values, name="t").decode() == (
        wanted.strip(given) if given else wanted
    )


def test_the_templates_of_one_secret_share_what_they_may_do() -> None:
    rendering = Rendering({"s": "a" * 700_000})
    assert len(rendering.render("{{ .s }}", name="t")) == 700_000
    with pytest.raises(TemplateFailed, match="writes more than"):
        rendering.render("{{ .s }}", name="t")
    rendering = Rendering({})
    text = "{{ range until 30000 }}{{ end }}"
    assert [rendering.render(text, name="t") for _ in range(3)] == [b"", b"", b""]
    with pytest.raises(TemplateFailed, match="steps"):
        rendering.render(text, name="t")


GROWTH = st.sampled_from(
    [
        '{{ $s = repeat 1000000 "a" }}',
        '{{ $s = repeat 60000 "\\u20ac" }}',
        '{{ $s = repeat 100000 "\\x01<" }}',
        "{{ $s = print $s $s }}",
        "{{ $s = quote $s }}",
        "{{ $s = cat $s $s }}",
        "{{ $s = toJson $l }}",
        '{{ $s = join "," $l }}',
        "{{ $s = trimAll $s $s }}",
        "{{ $s = upper $s }}",
        "{{ $l = until 60000 }}",
        "{{ $l = list $s $s $s $s }}",
        "{{ $l = list $l $l }}",
        "{{ $l = concat $l $l }}",
        "{{ $l = append $l $l }}",
        "{{ $l = append $l $m }}",
        "{{ $l = reverse $l }}",
        "{{ $l = sortAlpha $l }}",
        "{{ $l = toStrings $l }}",
        "{{ $l = uniq $l }}",
        '{{ $l = splitList "" $s }}',
        "{{ $l = keys $m }}",
        "{{ $l = values $m }}",
        '{{ $m = split "" $s }}',
        "{{ $m = dict $s $l $s $m }}",
        "{{ $m = dict $s 1 (print $s 1) $m }}",
        "{{ $m = omit $m $s $s $s }}",
        "{{ range $l }}{{ break }}{{ end }}",
        "{{ range $m }}{{ break }}{{ end }}",
    ]
)
MIB = 1 << 20


@settings(max_examples=20, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.lists(GROWTH, min_size=1, max_size=6), st.lists(GROWTH, min_size=1, max_size=4))
@example(['{{ $s = repeat 60000 "\\u20ac" }}'], ['{{ $m = split "" $s }}', "{{ $l = append $l $m }}"])
@example(["{{ $l = until 60000 }}"], ["{{ $l = concat $l $l }}", "{{ range $l }}{{ break }}{{ end }}"])
@example(
    ['{{ $s = repeat 1000000 "a" }}', "{{ $l = list $s $s $s $s }}"],
    ["{{ $l = concat $l $l }}", "{{ $x := sortAlpha $l }}"],
)
def test_whatever_grows_stays_within_time_and_memory(first: list[str], again: list[str]) -> None:
    start = '{{ $s := "a" }}{{ $l := list }}{{ $m := dict }}'
    text = f"{start}{''.join(first)}{{{{ range until 30000 }}}}{''.join(again)}{{{{ end }}}}"
    # An eighth of what a Secret's templates have: tracing makes each allocation several times as slow.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(limits, "WORK", limits.WORK // 8)
        patched.setattr(limits, "STEPS", limits.STEPS // 8)
        tracemalloc.start()
        began = time.process_time()
        with contextlib.suppress(TemplateFailed, TemplateRefused):
            render(text, {}, name="t")
        took, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert took < 5
    assert peak < 128 * MIB


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
