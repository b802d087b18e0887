"""How the demo fails, and how long it waits before it does."""

from __future__ import annotations

from typing import Final

PATIENCE: Final = 120.0  # seconds that a step may take


class GroundFailed(Exception):
    """The ground could not be laid; the text says why and what to do."""


class StepFailed(Exception):
    """A step did not come to its end; the text says which and what was seen last."""
