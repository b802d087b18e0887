"""What ``trace`` and ``app get`` print of one step of a trace. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fleet.cli.app import columns

if TYPE_CHECKING:
    from collections.abc import Mapping


def where(step: Mapping[str, Any]) -> str:
    """Name the target that a step is about, or the Application; empty for a repository."""
    return f"{step['application']} on {step['cluster']}" if step["cluster"] else str(step["application"])


def since(step: Mapping[str, Any]) -> str:
    """Say since when, empty where that is not known."""
    if not step["since"]:
        return ""
    if step["atLeast"]:
        return f" since at least the start of the hub ({step['since']})"
    return f" since {step['since']} ({columns.age(step['since'])})"
