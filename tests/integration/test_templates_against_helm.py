"""Templates of Secrets beside the real Helm, which has the engine and the functions that they are written for.

All templates that Helm renders are rendered by one run of it, through ``tpl``; each that fails takes a run of its own.
"""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest

from bootstrap.local import binaries
from fleet.documents import read
from fleet.secrets.template import TemplateFailed, TemplateRefused, render

DATA = {
    "user": "admin", "password": "pa$$ w\"0'r<d>&", "host": "db.example", "port": "5432", "tls-key": "-----BEGIN\nabc\n-----END\n",
    "empty": "", "csv": "b,a,c,a", "json": '{"a":{"b":[1,2.5,"x"]},"c":null,"t":true,"big":123456789}', "unicode": "Ünïcode ß ☃ 😀",
    "spaced": " \t x y \n", "b64": "aGVsbG8=", "yaml": "a: 1\nb:\n- x\n- y\n", "octal": "017", "hex": "0x1F", "decimal": "12.00",
    "quotes": "a\\b\u0001\u00a0\u200b\t", "zero": "0",
}  # fmt: skip

SAME = r"""
{{ .user }}:{{ .password }}@{{ .host }}:{{ .port }}
{{ $.user }}{{ $ | len }}
a {{- .user -}} b
a {{/* c */}} b {{- /* d */ -}} c
{{- if .empty }}x{{ else if .user }}y{{ else }}z{{ end }}
{{ if and .user .empty }}x{{ else }}z{{ end }}
{{ if or .empty .user }}x{{ end }}
{{ if not .empty }}x{{ end }}{{ not 0 }}{{ not 0.0 }}{{ not "" }}{{ not (list) }}{{ not (dict) }}{{ not nil }}{{ not 1 }}
{{ with .user }}{{ . }}{{ $.host }}{{ end }}{{ with .empty }}x{{ else }}e{{ end }}
{{ with .empty }}a{{ else with .user }}{{ . }}{{ end }}
{{ with $u := .user }}{{ $u }}{{ end }}
{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $y := 3 }}{{ $y }}{{ end }}{{ $x }}
{{ $x := 1 }}{{ with 5 }}{{ $x := . }}{{ $x }}{{ end }}{{ $x }}
{{ range splitList "," .csv }}<{{ . }}>{{ end }}
{{ range $i, $v := splitList "," .csv }}{{ $i }}={{ $v }};{{ end }}
{{ range $k, $v := dict "b" 1 "a" 2 "C" 3 }}{{ $k }}={{ $v }};{{ end }}
{{ range $v := dict "b" 1 "a" 2 }}{{ $v }}{{ end }}
{{ range list }}x{{ else }}none{{ end }}{{ range $i, $v := list }}{{ else }}none{{ end }}
{{ range 3 }}{{ . }}{{ end }}{{ range $i := 2 }}{{ $i }}{{ end }}{{ range 0 }}{{ else }}z{{ end }}
{{ range until 6 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ if gt . 3 }}{{ break }}{{ end }}{{ . }}{{ end }}
{{ $n := 0 }}{{ range $i, $v := list 4 5 }}{{ $n = add $n $i $v }}{{ end }}{{ $n }}
{{ $i := 9 }}{{ $v := 8 }}{{ range $i, $v = list "a" "b" }}{{ end }}{{ $i }}{{ $v }}
{{ $v := 8 }}{{ range $v = list "a" "b" }}{{ end }}{{ $v }}
{{ range . }}{{ len . }},{{ end }}
{{ 1 }} {{ -1 }} {{ +1 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 017 }} {{ 1_000 }} {{ 'a' }} {{ '\n' }} {{ '\'' }} {{ '☃' }} {{ 0x_1F }}
{{ 1.0 }} {{ 1.5 }} {{ -0.25 }} {{ .5 }} {{ 1. }} {{ 1e3 }} {{ 1e6 }} {{ 1e20 }} {{ 1e21 }} {{ 123456.7 }} {{ 1234567.8 }} {{ 1e-4 }} {{ 1e-5 }} {{ 1.5e-7 }} {{ 100000.0 }}
{{ "a\tb\"c\\ \x41 \101 \u00e9 \U0001F600" }} {{ `raw \n "x"` }}
{{ true }} {{ false }} {{ (true) }} {{ ((1)) }}
{{ list 1 "a" true 2.5 (list "x" "y") }} {{ dict "b" 1 "a" (list 1 2) }} {{ list }} {{ dict }}
{{ eq .user "admin" }}{{ eq .user "x" "admin" }}{{ eq 1 1 }}{{ eq 1 2 3 1 }}{{ ne .user "x" }}{{ eq 1.5 1.5 }}{{ eq true true }}{{ eq nil nil }}{{ eq (int64 1) 1 }}
{{ lt 1 2 }}{{ lt "a" "b" }}{{ le 2 2 }}{{ gt 2 1 }}{{ ge 1 2 }}{{ lt 1.5 2.5 }}{{ lt "Z" "a" }}{{ le "é" "z" }}
{{ or 0 "" "x" "y" }}{{ and 1 "x" 0 "y" }}{{ or true .nope.x }}{{ and false .nope.x }}{{ "z" | or "" }}{{ "z" | and 1 }}
{{ len .unicode }} {{ len (list 1 2) }} {{ len (dict "a" 1) }} {{ len "" }}
{{ index . "tls-key" }}{{ index (list "a" "b") 1 }}{{ index (dict "a" (list 5 6)) "a" 1 }}{{ index "abc" 1 }}{{ (index (fromJson .json) "a").b }}
{{ slice (list 1 2 3 4) 1 3 }}{{ slice (list 1 2 3) 1 }}{{ slice (list 1 2) }}
{{ print "a" "b" 1 2 "c" 3.5 true }}|{{ print }}|{{ print 1 2 }}|{{ println "a" 1 }}|{{ print (list 1) (list 2) }}
{{ printf "%s-%d-%v-%t-%q" .user 42 (list 1 "a") true "q\"\n" }}
{{ printf "%5s|%-5s|%5d|%-5d|%05d|%+d|%x|%X|%x|%q|%.2s|%8.3f|%f|%-8.1f|%06.1f" "ab" "cd" 42 42 -42 42 255 255 "hi" "é☃" "abcdef" 3.14159 2.0 1.25 -2.5 }}
{{ printf "%%|%v|%v|%v|%s|%6v|%5t|%-7tx" 1.5 true (dict "a" 1) (list "a" "b") 7 true false }}
{{ printf "%5s|%-4s|%.1s" "é" "☃" "é☃" }} {{ printf "%.3v|%.2q" "abcdef" "abcdef" }} {{ printf "%d" (int64 7) }} {{ printf "%x" -255 }}
{{ html .password }} {{ js .password }} {{ js .unicode }} {{ js .quotes }} {{ urlquery .password }} {{ urlquery .unicode }} {{ urlquery "a b" 1 }} {{ html 1 "x" 2 3 }}
{{ .user | b64enc }} {{ .b64 | b64dec }} {{ .unicode | b64enc }} {{ .unicode | b32enc }} {{ .user | b32enc | b32dec }} {{ "aGVs\nbG8=" | b64dec }} {{ "" | b64enc | b64dec }}
{{ "//4=" | b64dec }} {{ "//4=" | b64dec | quote }} {{ "//4=" | b64dec | toJson }} {{ "//4=" | b64dec | b64enc }} {{ "//4=" | b64dec | len }}
{{ quote .password }} {{ quote .quotes }} {{ quote 1 2.5 true nil "x" }} {{ squote .user 1 }} {{ quote (list "a" 1) }} {{ quote .unicode }} {{ quote }}
[{{ trim .spaced }}] [{{ trimAll "$a" "$$ab$" }}] [{{ trimPrefix "ad" .user }}] [{{ trimSuffix "min" .user }}] [{{ trimPrefix "x" .user }}] [{{ trimAll "" " a " }}]
{{ upper .unicode }} {{ lower .unicode }} {{ title "hello wORLD foo-bar o'neil_x é9a ǆ" }} {{ upper "ŉ ß ﬁ" }} {{ lower "ΑΣ" }}
{{ repeat 3 "ab" }}{{ repeat 0 "ab" }} {{ "x" | repeat 2 }} {{ repeat 2.0 "z" }}
{{ replace "a" "bb" "banana" }} {{ "x.y" | replace "." "-" }} {{ replace "" "-" "aé" }} {{ replace "a" "" "banana" }}
{{ contains "dm" .user }}{{ contains "" .user }}{{ hasPrefix "ad" .user }}{{ hasSuffix "in" .user }}{{ "admin" | contains "zz" }}
{{ split "," .csv }} {{ (split "," .csv)._1 }} {{ splitList "," "" | len }} {{ splitList "" "aé☃" }} {{ splitList "," .csv | len }}
{{ join "-" (list "a" 1 true nil 2.5) }} {{ join "," (splitList "," .csv) }} {{ join "," "abc" }} {{ join "," 5 }} {{ list | join "," }}
{{ indent 2 "a\nb\n" }}|{{ nindent 3 "a\nb" }}|{{ indent 0 "x" }}|{{ index . "tls-key" | indent 4 }}
{{ default "d" .empty }}{{ default "d" .user }}{{ .empty | default "p" }}{{ default 1 0 }}{{ default "x" }}{{ default "d" false }}{{ default "d" (list) }}
{{ empty "" }}{{ empty "a" }}{{ empty 0 }}{{ empty nil }}{{ empty (list) }}{{ empty (dict "a" 1) }}{{ empty false }}{{ empty 0.0 }}
{{ coalesce "" 0 "x" }} {{ coalesce .empty .user }} {{ all 1 "a" }}{{ all 1 "" }}{{ any 0 "" }}{{ any 0 1 }}{{ all }}{{ any }}
{{ ternary "y" "n" true }}{{ ternary "y" "n" (eq 1 2) }}{{ true | ternary 1 2 }}
{{ toString 1 }}{{ toString 1.5 }}{{ toString true }}{{ toString (list 1 "a") }}{{ toString "x" }}
{{ toStrings (list 1 "a" 2.5) }} {{ toStrings "x" }} {{ toStrings (until 3) | join "+" }}
{{ toJson . }}
{{ toJson (list 1 2.5 "a" true nil (dict "b" 1 "a" (list))) }} {{ toJson "<a>&'\"\n\t\u2028\u0001\u0008\u000c\u007f" }} {{ toJson 1e21 }} {{ toJson 1e20 }} {{ toJson 1e-7 }} {{ toJson 0.000001 }} {{ toJson 100.0 }} {{ toJson 1.5e-9 }} {{ toJson -1.25e+30 }}
{{ toRawJson (dict "a" "<&>") }} {{ toPrettyJson (dict "a" (list 1 2) "b" (dict) "c" (list) "d" (dict "x" (list (list)))) }}
{{ (fromJson .json).a.b }} {{ (fromJson .json).big }} {{ (fromJson .json).t }} {{ fromJson .json | toJson }} {{ (fromJson "{\"a\":\"\\ud800x\\u00e9\"}").a }}
{{ toYaml (dict "b" 1 "a" (list "x" "true" "1" "") "c" (dict "d" "multi\nline\n" "e" 1.5) "f" (list) "g" (dict)) }}
{{ (fromYaml .yaml).b }} {{ (fromYaml .yaml).a }} {{ fromYaml .yaml | toJson }} {{ fromYaml "{a: {b: [1, 2.5, yes]} }" | toJson }}
{{ $d := dict "a" 1 "b" "x" }}{{ get $d "a" }}{{ get $d "zz" }}|{{ hasKey $d "a" }}{{ hasKey $d "zz" }}{{ keys $d | sortAlpha }}{{ pick $d "a" "q" }}{{ omit $d "a" }}{{ pluck "a" $d (dict "a" 2) $d }}
{{ hasKey . "user" }}{{ hasKey . "nope" }}{{ get . "user" }}{{ get . "nope" }}{{ keys . | sortAlpha | join "," }}
{{ dict "a" }}{{ dict 1 2 }}{{ dict "x" 1 "x" 2 }}{{ dict true 1 }} {{ values (dict "a" 1) }}
{{ first (list 1 2 3) }}{{ last (list 1 2 3) }}{{ rest (list 1 2 3) }}{{ initial (list 1 2 3) }}{{ rest (list) }}{{ first (splitList "," .csv) }}
{{ append (list 1) 2 }}{{ prepend (list 1) 2 }}{{ concat (list 1) (list 2 3) }}{{ reverse (list 1 2 3) }}{{ compact (list 1 "" 0 "a" nil) }}{{ uniq (list 1 2 1 "a" "a" 2.0 (list 1) (list 1)) }}{{ without (list 1 2 3) 2 }}{{ has 2 (list 1 2) }}{{ has "2" (list 1 2) }}{{ has 1.0 (list 1) }}
{{ sortAlpha (list "b" "a" "C" 1) }} {{ splitList "," .csv | uniq | sortAlpha | join " " }} {{ sortAlpha (list "é" "z" "a") }}
{{ dig "a" "b" "d" (dict "a" (dict "b" 5)) }}{{ dig "a" "x" "d" (dict "a" (dict "b" 5)) }}{{ dig "q" "x" "d" (dict) }}
{{ int "5" }}{{ int 3.9 }}{{ int -3.9 }}{{ int true }}{{ int nil }}{{ int "x" }}{{ int "1.5" }}{{ int .octal }} {{ int .hex }} {{ int .decimal }} {{ int "0b11" }} {{ int "1_0" }} {{ int "-7" }} {{ int "+7" }} {{ int " 7" }} {{ int "" }} {{ int "08" }} {{ int "9223372036854775808" }} {{ int (list) }}
{{ int64 "0x10" }}{{ int64 7.0 }} {{ float64 "1.5" }} {{ float64 3 }} {{ float64 "x" }} {{ float64 "1e3" }} {{ float64 true }} {{ float64 "1e999" }} {{ atoi "12" }}{{ atoi "x" }}{{ atoi "0x1" }}
{{ add 1 2 3 }} {{ add }} {{ add "1" 2.9 }} {{ sub 5 7 }} {{ mul 2 3 4 }} {{ mul 2 }} {{ div 7 2 }} {{ div -7 2 }} {{ mod -7 2 }} {{ mod 7 -2 }} {{ add1 5 }} {{ max 1 5 3 }} {{ min 4 "2" 3 }} {{ 5 | sub 7 }}
{{ add 9223372036854775807 1 }} {{ mul 9223372036854775807 3 }} {{ sub -9223372036854775807 5 }} {{ div -9223372036854775808 -1 }} {{ mod -9223372036854775808 -1 }} {{ add1 9223372036854775807 }}
{{ until 5 }}{{ until 0 }}{{ until -3 }}{{ untilStep 0 10 3 }}{{ untilStep 5 0 -2 }}{{ untilStep 0 5 -1 }}{{ untilStep 5 0 1 }}{{ untilStep 0 0 0 }}{{ untilStep 2 2 1 }}
{{ sha256sum .user }} {{ sha1sum .user }} {{ sha512sum .unicode }} {{ sha256sum "" }}
{{ trunc 3 "abcdef" }}{{ trunc -3 "abcdef" }}{{ trunc 10 "abc" }}{{ trunc -10 "abc" }}{{ trunc 0 "abc" }}{{ trunc 1 "é" | b64enc }}{{ trunc -1 "é" | b64enc }}
{{ substr 1 3 "abcdef" }}{{ substr -1 3 "abcdef" }}{{ substr 2 -1 "abcdef" }}{{ substr 2 100 "abcdef" }}{{ substr 0 0 "abc" }}{{ substr 0 1 "é" | b64enc }}{{ substr 3 -1 "abc" }}
{{ nospace .spaced }}{{ nospace "a b c" }} {{ cat "a" 1 nil true }} {{ cat }}
{{ kindOf "a" }} {{ kindOf 1 }} {{ kindOf 1.5 }} {{ kindOf true }} {{ kindOf (list) }} {{ kindOf (dict) }} {{ kindOf (int64 1) }} {{ kindIs "string" .user }} {{ kindIs "map" . }} {{ kindOf nil }}
{{ typeOf "a" }} {{ typeOf 1 }} {{ typeOf (add 1 2) }} {{ typeOf 1.5 }} {{ typeOf true }} {{ typeIs "string" .user }} {{ typeOf 'a' }} {{ typeOf (int "3") }} {{ typeOf (max 1 2) }} {{ typeOf (len "a") }}
{{ deepEqual (list 1 (dict "a" 1)) (list 1 (dict "a" 1)) }}{{ deepEqual 1 1.0 }}{{ deepEqual (int64 1) 1 }}
{{ .user | upper | lower | title | quote | trimAll "\"" | printf "%s-%s" "x" }}
{{ (printf "%s" .user) | len }} {{ (dict "a" (dict "b" "c")).a.b }} {{ with dict "a" "b" }}{{ .a }}{{ end }}
{{ range $k, $v := fromJson .json }}{{ $k }}={{ kindOf $v }};{{ end }}
{"auths":{"{{ .host }}":{"username":"{{ .user }}","password":{{ .password | toJson }},"auth":"{{ printf "%s:%s" .user .password | b64enc }}"}}}
postgres://{{ .user | urlquery }}:{{ .password | urlquery }}@{{ .host }}:{{ .port }}/db?sslmode={{ ternary "require" "disable" (ne .host "localhost") }}
{{ if and (hasKey . "user") (eq .port "5432") (not (empty .password)) }}{{ .user }}{{- else -}}none{{ end -}}   end
{{ range $i, $e := splitList "," .csv }}{{ if $i }}, {{ end }}{{ $e | quote }}{{ end }}
{{ $a := list }}{{ range splitList "," .csv }}{{ $a = append $a (upper .) }}{{ end }}{{ $a | join "" }}
"""
TEXTS = [
    *SAME.strip().splitlines(),
    "", "plain", "a\n  {{- .user }}  \n{{ .host -}}\n  b\n", "{{ if .user -}}\n  x\n{{- end }}\n", "a{{\n.user\n|\nupper\n}}b", "{{ `a\nb` }}", "}} {", "{ {{ .user }} }",
    "{{- /* a\nb */ -}}\n\n x", "line\r\n{{- .user -}}\r\n end", '{{ range . }}{{ if eq . "admin" }}{{ break }}{{ end }}{{ end }}', "{{/*a*/}}{{/*b*/}}", "{{ .user }}{{/* c */ -}}   x", '\t{{- " a " -}}\t', "{{ $ := 1 }}",
]  # fmt: skip
# One construct a case: what stands in one line above is also looked at alone, so that no part hides another.
PARTS = sorted({f"{{{{ {part.split('}}')[0].strip()} }}}}" for line in TEXTS if "$" not in line and "range" not in line and "with" not in line and "if " not in line and "\n" not in line and "-}}" not in line and "{{-" not in line for part in line.split("{{")[1:] if not part.lstrip().startswith("/*")})  # fmt: skip

BOTH_FAIL = [
    "{{ .user", "{{ if .user }}", "{{ end }}", "{{ else }}", "{{ if }}x{{ end }}", "{{ $x }}", "{{ $x = 1 }}", "{{ nope 1 }}", "{{ break }}", "{{/* a }}", "{{/* a */ b }}",
    "{{ 'ab' }}", '{{ "a }}', "{{ 1a }}", "{{ 089 }}", "{{ 99999999999999999999 }}", "{{ .user.x }}", "{{ .user 1 }}", "{{ 1 2 }}", "{{ 1 | 2 }}", "{{ (1) 2 }}", "{{ nil }}", "{{ }}", '{{ "a""b" }}', "{{ $x+1 }}",
    "{{ upper }}", "{{ upper 1 }}", '{{ upper "a" "b" }}', '{{ repeat "a" 3 }}', '{{ repeat -1 "a" }}', '{{ repeat (int64 2) "a" }}', '{{ indent -1 "a" }}', '{{ until "a" }}', "{{ div 1 0 }}", "{{ mod 1 0 }}",
    '{{ eq 1 "a" }}', "{{ eq 1 1.0 }}", "{{ eq 1 }}", "{{ eq (list) (list) }}", "{{ lt true false }}", "{{ lt 1 nil }}", "{{ len 1 }}", "{{ len nil }}", "{{ index (list 1) 5 }}", '{{ index (list 1) "a" }}', "{{ index 1 1 }}", "{{ index nil 1 }}",
    "{{ slice (list 1 2) 2 1 }}", "{{ slice (list 1) 0 9 }}", '{{ substr 2 1 "abc" }}', '{{ substr 9 -1 "abc" }}', "{{ range .user }}{{ end }}", "{{ range 1.5 }}{{ end }}", "{{ range $i, $v := 3 }}{{ end }}", "{{ range true }}{{ end }}",
    "{{ first nil }}", '{{ first "a" }}', "{{ rest .user }}", '{{ hasKey 1 "a" }}', '{{ get (list) "a" }}', '{{ ternary 1 2 "x" }}', "{{ ternary 1 2 }}", "{{ concat 1 }}", '{{ has 1 "a" }}', "{{ uniq 1 }}", '{{ dig "a" 1 }}',
    "{{ printf 1 }}", "{{ b64enc 1 }}", "{{ fail .password }}", '{{ template "x" }}', "{{ and }}", "{{ not }}", '{{ join "," }}', "{{ if 1 }}{{ else }}{{ else }}{{ end }}", "{{ with 1 }}{{ else if 2 }}{{ end }}x{{ end }}", '{{ "\\q" }}', "{{ .user | .host }}", "{{ true.x }}", "{{ (1 }}", "{{ 1) }}", "{{ , }}", "{{ a, b }}",
    "{{ $x := 1, 2 }}", "{{ if true }}{{ $y := 1 }}{{ end }}{{ $y }}", "{{ $x := $x }}", "{{ '' }}", "{{ call .user }}", "{{ toStrings }}", "{{ sha256sum 1 }}", "{{ quote | upper 1 }}", '{{ "\\xZZ" }}', '{{ "\\ud800" }}', "{{ .. }}", "{{ .user..x }}",
]  # fmt: skip


def _helm(folder: Path, cases: dict[str, str]) -> dict[str, bytes] | None:
    """What Helm makes of each, None where it fails."""
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: cases\nversion: 1.0.0\n")
    (folder / "values.yaml").write_text(json.dumps({"cases": cases, "data": DATA}, ensure_ascii=False))
    (folder / "templates" / "cases.yaml").write_text(
        "{{ range $name, $text := .Values.cases }}\n{{ $name }}: {{ tpl $text $.Values.data | b64enc | quote }}\n{{ end }}"
    )
    done = subprocess.run(
        [str(binaries.helm()), "template", "cases", str(folder)],
        capture_output=True,
        timeout=60,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
    )
    if done.returncode:
        assert b"cases/templates/cases.yaml" in done.stderr, done.stderr
        return None
    found = read.value(done.stdout, path="helm")
    return {name: base64.b64decode(text) for name, text in found.items()}


def test_what_helm_writes_is_written(tmp_path: Path) -> None:
    texts = [*TEXTS, *PARTS]
    assert len(texts) > 300
    cases = {f"c{index:04}": text for index, text in enumerate(texts)}
    theirs = _helm(tmp_path / "chart", cases)
    assert theirs is not None
    ours = {name: _ours(text) for name, text in cases.items()}
    different = [(cases[name], theirs[name], ours[name]) for name in cases if theirs[name] != ours[name]]
    assert not different


@pytest.mark.parametrize("text", BOTH_FAIL)
def test_where_helm_fails_this_fails(text: str, tmp_path: Path) -> None:
    assert _helm(tmp_path / "chart", {"c": text}) is None
    with pytest.raises((TemplateFailed, TemplateRefused)):
        render(text, DATA, name="t")


def _ours(text: str) -> bytes | str:
    try:
        return render(text, DATA, name="t")
    except (TemplateFailed, TemplateRefused) as error:
        return error.text
