"""What annotations of a manifest ask of a sync: wave, hook, options. Pure.

Sources: Argo CD "Sync Phases and Waves", "Resource Hooks", "Sync Options"; Helm "Chart Hooks". Both of Argo CD's
prefix and ours count; ours wins where both stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fleet import names

# A CRD that Helm installs before the rest is no hook to anybody but Helm.
_NO_HOOK: Final = frozenset({"crd-install"})
_MOST: Final = 1_000_000


def read(notes: Mapping[str, Any]) -> tuple[int, str, frozenset[str]]:
    """Wave, hook and options. Raises ValueError with words that quote no value."""
    wave_text = _of(notes, names.SYNC_WAVE)
    try:
        wave = int(wave_text) if wave_text else 0
    except ValueError:
        raise ValueError(f"the annotation {names.SYNC_WAVE} is no whole number") from None
    if abs(wave) > _MOST:
        raise ValueError(f"the annotation {names.SYNC_WAVE} is out of range")
    return wave, _hook(notes), _options(notes)


def _hook(notes: Mapping[str, Any]) -> str:
    for text in (_of(notes, names.HOOK), str(notes.get(names.HELM_HOOK) or "")):
        kept = [part.strip() for part in text.split(",") if part.strip() and part.strip() not in _NO_HOOK]
        if kept:
            return ",".join(kept)
    return ""


def _options(notes: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(part.strip() for part in _of(notes, names.SYNC_OPTIONS).split(",") if part.strip())


def _of(notes: Mapping[str, Any], name: str) -> str:
    found = ""
    for prefix in names.ANNOTATION_PREFIXES:
        value = notes.get(f"{prefix}/{name}")
        if value is not None:
            found = str(value).strip()
    return found
