"""Pins, as somebody wrote them."""

from __future__ import annotations

from fleet.secrets.version import pins


def test_what_holds_no_version_holds_nothing() -> None:
    assert pins("secret/a=3, /kv/b=c/=12 secret/a=4") == {"secret/a": 4, "kv/b=c": 12}
    assert pins(f"a=0 b=-1 c=\u00b2 d=\u0663 e= =5 f g={'9' * 5000}") == {}
