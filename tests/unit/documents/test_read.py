"""Files as documents and faults."""

from __future__ import annotations

import pytest

from fleet.documents.limits import Limits
from fleet.documents.read import Documents, read, value
from fleet.errors import DocumentError


def _texts(found: Documents) -> list[str]:
    return [str(fault) for fault in found.faults]


def test_documents_are_numbered_with_the_line_on_which_each_begins() -> None:
    found = read(b"# a comment\n---\n\nkind: A\n---\n---\n# nothing\n---  # next\nkind: B\n", path="a.yaml")
    assert [(item.index, item.line, item.value) for item in found.items] == [
        (0, 4, {"kind": "A"}),
        (1, 9, {"kind": "B"}),
    ]
    assert found.faults == ()


def test_one_broken_document_hides_none_of_the_others() -> None:
    found = read(b"kind: A\n---\nkind: B\n  bad: [\n---\nkind: C\n", path="dir/a.yaml")
    assert [item.value["kind"] for item in found.items] == ["A", "C"]
    assert [item.index for item in found.items] == [0, 2]
    assert len(found.faults) == 1
    assert _texts(found)[0].startswith("dir/a.yaml, document 2, line 4: it is not valid YAML: ")


def test_a_document_that_is_not_utf8_hides_none_of_the_others() -> None:
    found = read(b"kind: A\n---\nx: 1\nname: \xff\xfe\n---\nkind: C\n", path="a.yaml")
    assert [item.value["kind"] for item in found.items] == ["A", "C"]
    assert _texts(found) == ["a.yaml, document 2, line 4: it is not UTF-8 text"]


@pytest.mark.parametrize("separator", ["--- {kind: B}", "---b", "----", "-----BEGIN CERTIFICATE-----"])
def test_only_a_comment_may_follow_a_separator(separator: str) -> None:
    found = read(f"kind: A\n{separator}\nkind: B\n---\nkind: C\n".encode(), path="a.yaml")
    assert [item.value["kind"] for item in found.items] == ["A", "C"]
    assert [(fault.document, fault.line) for fault in found.faults] == [(1, 2)]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("a: hunter2\nb: hunter2: x\n", "a.yaml, document 1, line 2: it is not valid YAML"),
        ("a:\n\tpassword: hunter2\n", "a.yaml, document 1, line 2: it is not valid YAML"),
        ("hunter2: 1\nhunter2: 2\n", "a.yaml, document 1, line 2: a key occurs twice"),
        ("a: !hunter2 hunter2\n", "a.yaml, document 1, line 1: tags other than !!str"),
        ("hunter2\n", "a.yaml, document 1, line 1: a manifest is an object, and this is a string"),
        ("- hunter2\n", "a.yaml, document 1, line 1: a manifest is an object, and this is a list"),
        ("a: *hunter2\n", "a.yaml, document 1, line 1: an alias names no anchor"),
        ("a: hunter2\n...\nb: hunter2\n", "a.yaml, document 1, line 3: it is not valid YAML"),
        ("%YAML 1.2\n---\na: hunter2\n", "a.yaml, document 1, line 2: directives such as %YAML"),
        ("a: hunter2\n# x\nb: \x00hunter2\n", "a.yaml, document 1, line 3: it holds a control character"),
        ("a: hunter2\r---\rb: 1\n", "a.yaml, document 1, line 2: a second document begins here"),
        ("a: &a [*a]\nhunter2: 1\n", "a.yaml, document 1, line 1: an alias stands inside"),
        ("x: .nan\n", "a.yaml, document 1, line 1: a number must be finite"),
        (
            "a: 1\n~: hunter2\n",
            "a.yaml, document 1, line 2: a key must be a string, and this one reads as null",
        ),
    ],
)
def test_a_fault_names_file_document_and_line_and_quotes_nothing(data: str, text: str) -> None:
    found = read(data.encode(), path="a.yaml")
    assert _texts(found)[0].startswith(text)
    assert not any("hunter2" in str(fault) or "hunter2" in repr(fault) for fault in found.faults)
    assert all(
        (fault.__cause__ is None and fault.__suppress_context__) or fault.__context__ is None
        for fault in found.faults
    )


def test_a_byte_order_mark_of_utf8_is_passed_over_and_utf16_is_refused() -> None:
    assert read(b"\xef\xbb\xbfkind: A\n", path="a.yaml").items[0].value == {"kind": "A"}
    for encoding in ("utf-16", "utf-32"):
        found = read("kind: A\n".encode(encoding), path="a.yaml")
        assert _texts(found) == ["a.yaml: the file is UTF-16 or UTF-32: save it as UTF-8"]


def test_windows_line_ends_read() -> None:
    found = read(b"kind: A\r\n---\r\nkind: B\r\n", path="a.yaml")
    assert [item.value for item in found.items] == [{"kind": "A"}, {"kind": "B"}]


def test_anchors_end_with_their_document() -> None:
    found = read(b"a: &x 1\n---\nb: *x\n", path="a.yaml")
    assert len(found.items) == 1
    assert found.faults[0].document == 1


def test_what_an_alias_stands_for_is_a_copy() -> None:
    tree = value(b"a: &x {b: [1]}\nc: *x\nd: {<<: *x}\n", path="a.yaml")
    tree["a"]["b"].append(2)
    assert tree == {"a": {"b": [1, 2]}, "c": {"b": [1]}, "d": {"b": [1]}}


def test_an_alias_bomb_ends_at_the_limit_of_nodes() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    found = read("\n".join(lines).encode(), path="a.yaml", limits=Limits(nodes=5_000))
    assert found.items == ()
    assert "unfolds to more values" in _texts(found)[0]


def test_nesting_ends_at_the_limit_of_depth_also_through_aliases() -> None:
    assert value(b"[" * 100 + b"]" * 100, path="a.yaml")
    for data in (b"[" * 101 + b"]" * 101, b"- " * 20_000, b"[" * 100_000):
        assert len(read(data, path="a.yaml").faults) == 1
    half = b"a: &a " + b"[" * 60 + b"]" * 60 + b"\nb: " + b"[" * 60 + b"*a" + b"]" * 60 + b"\n"
    assert "nested more than 100 deep" in _texts(read(half, path="a.yaml"))[0]


def test_the_limits_of_size_and_documents_name_the_file() -> None:
    found = read(b"a: 1\n", path="a.yaml", limits=Limits(size=4))
    assert _texts(found) == ["a.yaml: the file has 5 bytes, over the limit of 4"]
    found = read(b"---\na: 1\n" * 5, path="a.yaml", limits=Limits(documents=3))
    assert len(found.items) == 3
    assert _texts(found) == ["a.yaml: the file holds more than 3 documents"]


def test_a_file_without_objects_holds_none() -> None:
    for data in (b"", b"\n\n", b"# only a comment\n", b"---\n---\n", b"null\n", b"~"):
        assert read(data, path="a.yaml") == Documents(())


def test_json_in_a_yaml_file_is_read_as_json() -> None:
    found = read(b'{"a": "\\ud83d\\ude00", "b": 3.0}\n---\n{"a": 1, "a": 2}\n---\n{a: yes}\n', path="a.yaml")
    assert [item.value for item in found.items] == [{"a": "\U0001f600", "b": 3}, {"a": True}]
    assert _texts(found) == ["a.yaml, document 2, line 3: a key occurs twice in one mapping"]


def test_json_files_may_hold_several_values() -> None:
    found = read(b'{"a": 1}\n{"a": null}\n', path="a.json")
    assert [(item.index, item.line, item.value) for item in found.items] == [
        (0, 1, {"a": 1}),
        (1, 2, {"a": None}),
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'{"a": 1,}', "a.json, document 1, line 1: it is not valid JSON"),
        (b'\n{"a": 1,\n "a": 2}', "a.json, document 1, line 2: a key occurs twice in one mapping"),
        (b'{"a": NaN}', "a.json, document 1, line 1: a number must be finite"),
        (b'{"a": 1}\nhunter2', "a.json, document 2, line 2: it is not valid JSON"),
        (b'{"a": "\\ud83d"}', "a.json, document 1, line 1: it holds half of a surrogate pair"),
        (b"kind: A", "a.json, document 1, line 1: it is not valid JSON"),
        (b"[" * 100_000, "a.json, document 1, line 1: it is nested more than 100 deep"),
        (b"[" * 200 + b"]" * 200, "a.json, document 1, line 1: it is nested more than 100 deep"),
        (b'{"a": \xff}', "a.json, document 1, line 1: it is not UTF-8 text"),
    ],
)
def test_broken_json_is_a_fault(data: bytes, text: str) -> None:
    assert _texts(read(data, path="a.json"))[-1].startswith(text)


def test_a_json_file_is_bounded_in_nodes() -> None:
    data = b"[" + b",".join([b"[]"] * 200) + b"]"
    assert len(read(data, path="a.json", limits=Limits(nodes=300)).faults) == 1
    found = read(b"[" + b",".join([b"1"] * 400) + b"]", path="a.json", limits=Limits(nodes=300))
    assert "unfolds to more values" in _texts(found)[0]


def test_a_single_value_may_be_of_any_type_and_must_be_the_only_one() -> None:
    assert value(b"- 1\n- b\n", path="a.yaml") == [1, "b"]
    with pytest.raises(DocumentError, match=r"^a\.yaml: it holds no document$"):
        value(b"# nothing\n", path="a.yaml")
    with pytest.raises(DocumentError, match=r"^a\.yaml: it holds more than one document$"):
        value(b"a: 1\n---\nb: 1\n", path="a.yaml")
    with pytest.raises(DocumentError, match="line 2"):
        value(b"a: [\n", path="a.yaml")
