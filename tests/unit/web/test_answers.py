"""The one shape of answers."""

from __future__ import annotations

import json

from fleet.web import answers


def test_errors_have_words_and_a_reason() -> None:
    refusal = answers.refusal(429, "TooManyRequests", "try again", Retry_After="5")
    assert refusal.status == 429
    assert refusal.headers["Retry-After"] == "5"
    assert json.loads(refusal.body) == {"error": "try again", "reason": "TooManyRequests"}  # type: ignore[arg-type]


def test_answers_are_kept_by_nobody() -> None:
    assert answers.answer({"a": "ü"}).headers["Cache-Control"] == "no-store"
    assert answers.encode({"a": "ü"}) == '{"a":"ü"}'.encode()
