"""Templates over the values of a Secret: what they write."""

from __future__ import annotations

import pytest

from fleet.secrets.template import TemplateFailed, TemplateRefused, render

VALUES = {
    "user": "admin", "password": "pa$$ w0rd", "host": "db.example", "tls-key": "---", "empty": "", "port": "5432",
    "blob": b"\xff\x00\xfe", "é": "accent", "list": ["b", "a"], "map": {"z": 1, "a": True}, "none": None, "half": 0.5,
}  # fmt: skip


def made(text: str) -> str:
    return render(text, VALUES, name="config").decode()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ""),
        ("plain { text } }}", "plain { text } }}"),
        ("{{ .user }}:{{ $.password }}", "admin:pa$$ w0rd"),
        ("a \n {{- .user -}} \n b", "aadminb"),
        ("a {{/* note */}} b {{- /* gone */ -}} c", "a  bc"),
        ("{{ .map.z }}{{ (.map).a }}{{ $m := .map }}{{ $m.z }}", "1true1"),
        ('{{ index . "tls-key" }}{{ index .list 1 }}', "---a"),
        ("{{ .é }}", "accent"),
        ("{{ if .empty }}a{{ else if .user }}b{{ else }}c{{ end }}", "b"),
        ("{{ with .empty }}a{{ else with .user }}{{ . }}{{ else }}c{{ end }}", "admin"),
        ("{{ with $x := .user }}{{ $x }}{{ . }}{{ $.port }}{{ end }}", "adminadmin5432"),
        ("{{ range .list }}{{ . }}{{ else }}none{{ end }}", "ba"),
        ("{{ range $i, $v := .list }}{{ $i }}{{ $v }}{{ end }}", "0b1a"),
        ("{{ range $k, $v := .map }}{{ $k }}={{ $v }};{{ end }}", "a=true;z=1;"),
        ("{{ range list }}x{{ else }}none{{ end }}", "none"),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        ("{{ range until 9 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ if eq . 4 }}{{ break }}{{ end }}{{ . }}{{ end }}", "023"),
        ("{{ range $i := until 3 }}{{ range until 3 }}{{ if . }}{{ break }}{{ end }}{{ $i }}{{ end }}{{ end }}", "012"),
        ("{{ $n := 0 }}{{ range until 4 }}{{ $n = add $n . }}{{ end }}{{ $n }}", "6"),
        ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}", "21"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ 'a' }} {{ 0x10 }} {{ 010 }} {{ 1_000 }} {{ -3 }} {{ 1.50 }} {{ 1e6 }} {{ `r\\n` }} {{ \"\\u00e9\\x41\\101\" }}", "97 16 8 1000 -3 1.5 1e+06 r\\n éAA"),
        ("{{ .list }} {{ .map }} {{ .half }} {{ true }}", "[b a] map[a:true z:1] 0.5 true"),
        ("{{ or .empty .user }}{{ and .user .empty }}{{ not .user }}{{ or true .missing }}{{ and false .missing }}", "adminfalsetruefalse"),
        ('{{ eq .user "x" "admin" }}{{ ne 1 2 }}{{ lt 1 2 }}{{ le "a" "a" }}{{ gt 1.5 1.0 }}{{ ge 1 2 }}', "truetruetruetruetruefalse"),
        ('{{ printf "%s|%5s|%-5s|%05d|%q|%v|%t|%x|%X|%.2f|%%" .user "ab" "cd" 42 "q\\"" .list true "hi" 255 1.005 }}', 'admin|   ab|cd   |00042|"q\\""|[b a]|true|6869|FF|1.00|%'),
        ('{{ print "a" 1 2 "b" }}{{ println "x" 1 }}', "a1 2bx 1\n"),
        ('{{ html "<a&\'>" }} {{ js "<\'=" }} {{ urlquery "a b&ü" }}', "&lt;a&amp;&#39;&gt; \\u003C\\'\\u003D a+b%26%C3%BC"),
        ('{{ len "é" }}{{ len .list }}{{ slice "abc" 1 2 }}{{ slice .list 1 }}', "22b[a]"),
        ("{{ .password | b64enc }} {{ .password | b64enc | b64dec }} {{ b32enc .user }} {{ .user | b32enc | b32dec }}", "cGEkJCB3MHJk pa$$ w0rd MFSG22LO admin"),
        ('{{ .empty | default "x" }}{{ coalesce .empty 0 .user }}{{ ternary 1 2 true }}{{ empty .empty }}', "xadmin1true"),
        ('{{ toJson . | fromJson | toJson | sha256sum | len }} {{ (fromJson "{\\"a\\":[1,2.5]}").a }}', "64 [1 2.5]"),
        ('{{ dict "a" (list 1 "<x>") "b" nil | toJson }}', '{"a":[1,"\\u003cx\\u003e"],"b":null}'),
        ('{{ toYaml .map }}|{{ (fromYaml "a: [1, b]").a }}', "a: true\nz: 1|[1 b]"),
        ('{{ "a,b,c" | splitList "," | join "-" }} {{ (split "," "x,y")._1 }}', "a-b-c y"),
        ('{{ "l1\\nl2" | indent 2 }}{{ "x" | nindent 1 }}', "  l1\n  l2\n x"),
        ('{{ get . "nope" }}{{ hasKey . "user" }}{{ keys .map }}{{ values .map }}', "true[a z][true 1]"),
        ('{{ add 9223372036854775807 1 }} {{ div -7 2 }} {{ mod -7 2 }} {{ mul 3 4 }} {{ max 1 "5" }} {{ int64 "0x1f" }}', "-9223372036854775808 -3 -1 12 5 31"),
        ('{{ upper "straße" }}{{ title "some-words here" }}{{ trunc -2 "abc" }}{{ substr 1 3 "abcd" }}{{ nospace " a b " }}', "STRAßESome-Words Herebcbcab"),
        ('{{ kindOf .list }} {{ kindIs "map" .map }} {{ typeOf (int64 1) }}', "slice true int64"),
    ],
)  # fmt: skip
def test_what_a_template_writes(text: str, wanted: str) -> None:
    assert made(text) == wanted


def test_bytes_that_are_no_text_pass_unchanged() -> None:
    assert render("{{ .blob }}{{ .blob | b64enc }}", VALUES, name="t") == b"\xff\x00\xfe/wD+"
    assert render('{{ "/wD+" | b64dec }}', {}, name="t") == b"\xff\x00\xfe"
    assert render('{{ eq "é" (print (substr 0 1 "é") (substr 1 2 "é")) }}', {}, name="t") == b"true"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a\n{{ .nope }}", "template config, line 2: there is no key 'nope'"),
        ('{{ index . "nope" }}', "template config, line 1: there is no key 'nope'"),
        ("{{ .none.x }}", "template config, line 1: there is no key 'x'"),
        ("{{ .none }}", "template config, line 1: nothing (nil) cannot be written"),
        ("{{ .user.x }}", "template config, line 1: the field 'x' is asked of something that is no map"),
        ("{{ first (list) }}", "template config, line 1: nothing (nil) cannot be written"),
        ("{{ upper 1 }}", "template config, line 1: upper wants a string and gets something else"),
        ("\n{{ if\n .user }}{{ upper }}{{ end }}", "template config, line 3: upper has a wrong number of arguments"),
        ('{{ b64dec "%" }}', "template config, line 1: b64dec: the text is not base64"),
        ("{{ div 1 0 }}", "template config, line 1: div: a number is divided by zero"),
        ("{{ eq 1 .user }}", "template config, line 1: eq: values of different kinds are compared"),
        ('{{ printf "%d" .user }}', "template config, line 1: printf: printf has a verb that is not supported, or not for this kind of value"),
        ("{{ range .user }}{{ end }}", "template config, line 1: range goes over lists, maps and numbers"),
    ],
)  # fmt: skip
def test_what_cannot_be_evaluated_is_told_by_line(text: str, says: str) -> None:
    with pytest.raises(TemplateFailed) as failed:
        made(text)
    assert failed.value.text == says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ nope .user }}", "the function 'nope' is not supported"),
        ("{{ if false }}\n{{ nope }}{{ end }}", "line 2: the function 'nope' is not supported"),
        ("{{ now }}", "the function 'now' is not supported: its result depends on the clock, and each sync would change the Secret"),
        ('{{ env "HOME" }}', "the function 'env' is not supported: it would read the hub's environment or network"),
        ("{{ fail .password }}", "the function 'fail' is not supported: it would write values into an error"),
        ('{{ define "x" }}{{ end }}', "the action define is not supported"),
        ('{{ template "x" . }}', "the action template is not supported"),
        ('{{ block "x" . }}{{ end }}', "the action block is not supported"),
        ("{{ .user.lower 1 }}", "arguments follow something that is no function: methods are not supported"),
        ("{{ 1 | .user }}", "a value is piped into something that is no function"),
        ("{{ if .user }}", "the action if has no end"),
        ("{{ end }}", "end does not belong to any action"),
        ("{{ break }}", "break stands outside of a range"),
        ("{{ .user", "an action is not closed"),
        ("{{/* x }}", "a comment is not closed"),
        ("{{ $x }}", "the variable '$x' is not defined"),
        ("{{ $x = 1 }}", "the variable '$x' is not defined"),
        ("{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", "the variable '$x' is not defined"),
        ("{{ if 1 }}{{ else }}{{ else }}{{ end }}", "the if has a second else"),
        ('{{ "a""b" }}', "operands stand without a space between them"),
        ("{{ (1 }}", "a pipeline has something that does not belong there"),
        ("{{ }}", "a value is missing"),
        ("{{ 99999999999999999999 }}", "a number is too large"),
        ("{{ 1i }}", "a character does not belong here"),
        ('{{ "\\q" }}', "a backslash is followed by something that is no escape"),
        ("{{ 'ab' }}", "a character constant holds one character"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_refused_by_name_and_line(text: str, says: str) -> None:
    with pytest.raises(TemplateRefused) as refused:
        made(text)
    assert refused.value.text.endswith(says)
    assert "line " in refused.value.text
