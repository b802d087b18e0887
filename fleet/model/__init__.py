"""The frozen values that rooms hand each other.

Contract: keys are NamedTuples, all else frozen dataclasses with slots, nine fields at most; no I/O, no
behaviour beyond what a value says of itself. Bodies are bytes (JSON): a dict could be changed by a holder.
Times are seconds since the epoch unless a name says otherwise; digests are lower-case hex.
"""

from fleet.model.desired import (
    Fault,
    Fence,
    Kept,
    Manifest,
    Origin,
    Parameters,
    Policy,
    Rendered,
    Retry,
    SecretModes,
    Target,
    Thresholds,
    VaultFence,
    VaultRule,
    Walls,
    Work,
)
from fleet.model.enums import Cause, Gone, Health, Hold, Lane, Mode, Option, Sync, Withdrawal
from fleet.model.keys import ApplicationKey, ChangeId, GroupKind, ObjectRef, Read, Revision, TargetKey
from fleet.model.live import Discovery, Drift, Entry, Foreign, Meta, OwnerRef, Resource, Sighting
from fleet.model.results import Counts, Findings, Holding, Outcome, Reach, Recorded

__all__ = [
    "ApplicationKey",
    "Cause",
    "ChangeId",
    "Counts",
    "Discovery",
    "Drift",
    "Entry",
    "Fault",
    "Fence",
    "Findings",
    "Foreign",
    "Gone",
    "GroupKind",
    "Health",
    "Hold",
    "Holding",
    "Kept",
    "Lane",
    "Manifest",
    "Meta",
    "Mode",
    "ObjectRef",
    "Option",
    "Origin",
    "Outcome",
    "OwnerRef",
    "Parameters",
    "Policy",
    "Reach",
    "Read",
    "Recorded",
    "Rendered",
    "Resource",
    "Retry",
    "Revision",
    "SecretModes",
    "Sighting",
    "Sync",
    "Target",
    "TargetKey",
    "Thresholds",
    "VaultFence",
    "VaultRule",
    "Walls",
    "Withdrawal",
    "Work",
]
