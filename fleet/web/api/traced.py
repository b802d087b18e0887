"""A trace as JSON: the same for a commit and for an Application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fleet.report import words
from fleet.report.stages import Stage

if TYPE_CHECKING:
    from fleet.report.stages import Source, Step, Trace


def body(trace: Trace) -> dict[str, Any]:
    """Give all of it; ``live`` counts the targets that are."""
    counted = [step for step in trace.steps if step.cluster]
    return {
        "commit": trace.commit,
        "verdict": trace.verdict.value,
        "live": sum(step.stage is Stage.LIVE for step in counted),
        "targets": len(counted),
        "sources": [_source(source) for source in trace.sources],
        "steps": [_step(step) for step in trace.steps],
        "candidates": list(trace.candidates),
        "unlisted": trace.others,
    }


def _source(source: Source) -> dict[str, Any]:
    return {
        "repoURL": source.repo,
        "targetRevision": source.name,
        "head": source.head,
        "looked": _time(source.looked),
        "by": source.how if source.looked else "",
        "next": _time(source.due),
        "error": words.of_fault(source.error) if source.error is not None else "",
        "failingSince": _time(source.failing),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "application": step.application,
        "cluster": step.cluster,
        "stage": step.stage.value,
        "since": _time(step.since.at),
        "atLeast": step.since.early and bool(step.since.at),
        "text": step.text,
        "action": step.action,
        "subject": step.subject,
        "final": step.final,
        "revision": step.commit,
    }


def _time(seconds: float) -> str:
    return words.stamp(seconds) if seconds else ""
