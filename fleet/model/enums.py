"""The closed sets of words: states, modes, lanes, causes, holds, options."""

from __future__ import annotations

from enum import Enum, IntEnum, StrEnum


class Sync(StrEnum):
    """Whether a target is as Git wants it."""

    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


class Health(IntEnum):
    """Health in Argo CD's words; ordered, so that ``max`` is the worst."""

    HEALTHY = 0
    SUSPENDED = 1
    PROGRESSING = 2
    MISSING = 3
    DEGRADED = 4
    UNKNOWN = 5

    @property
    def word(self) -> str:
        """The word that people read: Healthy, Progressing, ..."""
        return self.name.capitalize()


class Lane(IntEnum):
    """The classes of a worker's queue, served in this order."""

    URGENT = 0  # a commit, a heal, a person's request
    COLD = 1  # start, recovery, a new cluster
    AUDIT = 2  # the twelve-hourly re-apply
    SEAL = 3  # what saves the next start some requests, and nobody waits for


class Mode(StrEnum):
    """What a pass may do."""

    APPLY = "Apply"
    COMPARE = "Compare"  # reads and dry runs only
    AUDIT = "Audit"  # applies every object, settled ones too
    SEAL = "Seal"  # records the digest of the members' entries, nothing else


class Cause(StrEnum):
    """Why an object of ours is not as we left it."""

    CHANGED = "Changed"  # our managedFields entry differs
    ENTRY_LOST = "EntryLost"  # our entry has vanished
    LABEL_LOST = "LabelLost"  # the part-of label is gone or another set's
    DELETED = "Deleted"
    DIFFERS = "Differs"  # found by dry run: live is not what is desired
    MISSING = "Missing"  # found by dry run: desired and not there
    ADDED = "Added"  # by hand, and ``automated.strict`` takes it away


class Hold(StrEnum):
    """Why a target does less than Git asks for; the condition of that name explains it."""

    MANUAL = "Manual"  # no automated sync, and nobody asked
    PAUSED = "Paused"  # the Cluster is paused
    PRUNE_OFF = "PruneDisabled"  # automated without prune: stale objects stay
    PRUNE_WAITS = "PruneWaits"  # the gate, an open change, an Application that did not render
    EMPTY = "EmptySource"  # the source became empty and allowEmpty is off
    HOOKS = "HooksNotRun"  # hook objects and options not yet built
    SELF_HEAL_OFF = "SelfHealDisabled"  # drift is shown, not reverted
    CONTESTED = "Contested"  # somebody keeps writing what we heal
    FOREIGN_HUB = "ForeignHub"  # another hub's Lease is live on the member
    RETRYING = "Retrying"
    WAVE = "WaveWaits"  # a later sync wave waits for the health of an earlier one
    CLAIM = "ClaimWaits"  # an object waits for the Application that holds it
    GRACE = "WithdrawalPending"  # no longer selected, and withdrawn when the grace has passed
    DELETION = "DeletionWaits"  # the Application is being deleted and a cluster does not answer
    DELETION_HELD = "DeletionHeld"  # the guard: one change would delete more than it may unconfirmed
    IDENTITY = "IdentityChanged"  # the connection reaches another cluster than the one that was registered
    TWICE = "RegisteredTwice"  # the cluster is an older registration's
    CLEANING = "Cleaning"  # everything is being withdrawn from the cluster
    CLEANED = "Cleaned"  # nothing of the hub is left there
    RENDERER = "RendererChanged"  # another version of the renderer makes something else of the same inputs
    PROJECT = "ProjectRefused"  # the Project does not allow it: nothing is sent, nothing deleted
    SCOPE = (
        "OutsideScope"  # the registration of the cluster does not reach it: nothing is sent, nothing deleted
    )


class Option(StrEnum):
    """What an Application's sync policy turns on."""

    AUTOMATED = "Automated"
    PRUNE = "Prune"
    SELF_HEAL = "SelfHeal"
    STRICT = "Strict"
    ALLOW_EMPTY = "AllowEmpty"
    CREATE_NAMESPACE = "CreateNamespace"


class Withdrawal(StrEnum):
    """How a target leaves a cluster."""

    DELETE = "Delete"
    ORPHAN = "Orphan"


class Gone(Enum):
    """What became of a withdrawal on one cluster."""

    DONE = "Done"
    WAITING = "Waiting"
