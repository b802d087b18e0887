"""Sentences for conditions and Events: who is meant, joined and cut so that a person can act on them.

Contract: pure. Texts come from Faults and Holdings, which are fit for a condition already; this only joins,
orders and cuts them, always in the same order for the same facts, since a message that moves is a write.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from fleet import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fleet.model import Fault, Foreign, Holding

MESSAGE: Final = 1000
FEW: Final = 5

_NOT_REASON: Final = re.compile(r"[^A-Za-z0-9_]+")


def stamp(seconds: float) -> str:
    """RFC 3339 in UTC, whole seconds, as Kubernetes writes times."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def place(cluster: str) -> str:
    """Give a cluster as a sentence names it."""
    return "the hub" if cluster == names.HUB_CLUSTER else cluster


def listed(items: Sequence[str], most: int = FEW) -> str:
    """Make ``a, b and 3 more``."""
    if len(items) <= most:
        return ", ".join(items[:-1]) + " and " + items[-1] if len(items) > 1 else "".join(items)
    return ", ".join(items[:most]) + f" and {len(items) - most} more"


def reason(text: str, otherwise: str = "Error") -> str:
    """Give a word that the API's validation accepts as a condition's reason."""
    word = _NOT_REASON.sub("", text).strip("_")
    return word if word and word[0].isalpha() else otherwise


def of_fault(fault: Fault) -> str:
    """Give the fault with the object and the field that it concerns, each named once."""
    text = fault.text
    if fault.field and fault.field not in text:
        text = f"{fault.field}: {text}"
    if fault.ref is not None and str(fault.ref) not in text:
        text = f"{fault.ref}: {text}"
    return text


def of_holding(holding: Holding) -> str:
    """Give the hold's words, with its objects where the words do not name them."""
    unnamed = [str(ref) for ref in holding.refs if str(ref) not in holding.text]
    return f"{holding.text}: {listed(unnamed)}" if unnamed else holding.text


def of_foreign(found: Sequence[Foreign]) -> str:
    """Give how much people added by hand to a target's objects, the first of it, and what cannot be taken away."""
    count = sum(len(one.fields) + one.more for one in found)
    told = [f"{field} of {one.ref} (by {one.manager})" for one in found for field in one.fields]
    first = ", ".join(told[:FEW]) + (f" and {count - FEW} more" if count > FEW else "")
    text = f"{count} field{'s' if count > 1 else ''} not in Git {'were' if count > 1 else 'was'} added by hand: {first}"
    reasons = sorted({f"of {one.ref}, {one.why}" for one in found if one.why})
    return text + (f"; automated.strict leaves some: {listed(reasons, 2)}" if reasons else "")


def joined(told: Iterable[tuple[str, str]]) -> str:
    """Pairs of cluster (empty: none in particular) and text as one message; equal texts share a sentence."""
    by_text: dict[str, set[str]] = {}
    for cluster, text in told:
        by_text.setdefault(text, set()).add(cluster)
    sentences = []
    for text in sorted(by_text):
        clusters = [place(cluster) for cluster in sorted(by_text[text]) if cluster]
        sentences.append(f"{text} (on {listed(clusters)})" if clusters else text)
    return cut("; ".join(sentences))


def cut(text: str, most: int = MESSAGE) -> str:
    """At most ``most`` characters, an ellipsis for what is missing."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def cut_bytes(text: str, most: int) -> str:
    """At most ``most`` bytes of UTF-8, no character cut in two, ``~`` for what is missing."""
    raw = text.encode()
    return text if len(raw) <= most else raw[: most - 1].decode(errors="ignore") + "~"
