"""Where a file is cut into documents."""

from __future__ import annotations

from fleet.documents.cut import blank, cut


def test_a_file_is_cut_at_lines_that_begin_with_three_dashes() -> None:
    segments = list(cut(b"a: 1\n--- # two\nb: |\n  ---\n  x\n---\r\nc: 1"))
    assert [(segment.text, segment.line) for segment in segments] == [
        (b"a: 1\n", 0),
        (b"b: |\n  ---\n  x\n", 2),
        (b"c: 1", 6),
    ]
    assert not any(segment.fault for segment in segments)


def test_blank_segments_are_left_out() -> None:
    assert list(cut(b"---\n---\n# x\n\n---\n  \n")) == []
    assert blank(b" \r\n\t# x\n")
    assert not blank(b" \n x # y")


def test_a_separator_with_more_on_its_line_spoils_the_segment_below_it() -> None:
    first, second, third = cut(b"a: 1\n---b\nc: 1\n---\nd: 1\n")
    assert (first.fault, third.fault) == ("", "")
    assert (second.line, bool(second.fault)) == (2, True)


def test_an_empty_file_has_no_segments() -> None:
    assert list(cut(b"")) == []
