"""Files that go with the code: the CRDs, from a wheel or from a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_INSIDE: Final = Path(__file__).parent / "_shipped" / "crds"
_BESIDE: Final = Path(__file__).parents[1] / "crds"


def crds() -> tuple[bytes, ...]:
    """The CustomResourceDefinitions of the hub's kinds, as YAML; FileNotFoundError for a broken install."""
    folder = _INSIDE if _INSIDE.is_dir() else _BESIDE
    return _read(folder)


def store_crds() -> tuple[bytes, ...]:
    """The CustomResourceDefinitions of External Secrets' stores, for a hub where nobody made them."""
    folder = _INSIDE if _INSIDE.is_dir() else _BESIDE
    return _read(folder / "external-secrets")


def _read(folder: Path) -> tuple[bytes, ...]:
    found = tuple(path.read_bytes() for path in sorted(folder.glob("*.yaml")))
    if not found:
        raise FileNotFoundError(f"no CRDs in {folder}")
    return found
