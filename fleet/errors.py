"""The tree of errors; each carries the reason that a condition shows.

    FleetError
    +- DocumentError        a file that does not read: path, document, line
    +- InvalidObject        an object of the hub's own kinds that does not validate: field
    +- SourceError          Git: RepositoryRefused, RepositoryUnreachable (transient), RevisionNotFound,
    |                       RevisionAmbiguous, PathNotFound, LinkRefused, RendererAmbiguous, SourceTooLarge
    +- RegistrationError    a credential that cannot be used: KubeconfigInvalid, KubeconfigRefused
    +- ManifestRefused      a manifest that must not be sent as it stands
    +- KindUnknown          the cluster does not serve the kind (transient: a CRD may come)
    +- ClaimRefused         another owner holds the object
    +- NotReady             what the rest builds on is not there yet, or is being removed (transient)
    +- NotPermitted         this process may not write there now (transient)
    +- Unreachable          no connection, or no answer to a read (transient); Elsewhere: another one answers
    +- Unanswered           a write was sent and its answer not read: the object is unknown (transient)
    +- ApiError             the API server said no: NotFound, Conflict, Invalid, Forbidden, Gone, Throttled

Contract: ``str(error)`` is fit for a condition, an Event and a log: no value of a manifest, no credential,
no text quoted from a server or parser that may quote either.
"""

from __future__ import annotations

from typing import ClassVar

from fleet.model import Fault, ObjectRef, Read


class FleetError(Exception):
    """The root: ``reason`` is a CamelCase word, ``transient`` says that trying again may help."""

    reason: ClassVar[str] = "Error"
    transient: ClassVar[bool] = False

    def __init__(self, text: str, *, ref: ObjectRef | None = None, field: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.ref = ref
        self.field = field
        self.reads: frozenset[Read] = frozenset()  # look-ups that were made on the way to a render
        self.waiting: frozenset[str] = frozenset()  # clusters of which a render lacks what they serve


class DocumentError(FleetError):
    """A file or document that does not read. ``line`` counts from 1, 0 where unknown.

    ``document`` counts from 0 (people are told from 1); below 0 the whole file is meant.
    """

    reason = "InvalidManifest"

    def __init__(
        self, text: str, *, path: str, document: int = 0, line: int = 0, ref: ObjectRef | None = None
    ) -> None:
        where = (
            path
            + (f", document {document + 1}" if document >= 0 else "")
            + (f", line {line}" if line else "")
        )
        super().__init__(f"{where}: {text}", ref=ref)
        self.path = path
        self.document = document
        self.line = line


class InvalidObject(FleetError):
    """An Application, Cluster or Project that does not validate; ``field`` is the path of the first fault."""

    reason = "InvalidSpec"


class SourceError(FleetError):
    """Git could not give what an Application asks for; ``reads`` are the look-ups made on the way."""

    reason = "SourceError"


class RepositoryRefused(SourceError):
    """The URL is of a form, scheme or place that the hub does not open."""

    reason = "RepositoryRefused"


class RepositoryUnreachable(SourceError):
    """The Git server did not answer, or refused the credential; the last good state stays."""

    reason = "RepositoryUnreachable"
    transient = True


class RepositoryUnread(RepositoryUnreachable):
    """Nobody has asked the Git server yet."""


class RevisionNotFound(SourceError):
    """No branch, tag or commit of that name."""

    reason = "RevisionNotFound"
    transient = True


class RevisionAmbiguous(SourceError):
    """One short name for a branch and a tag: the full name is needed."""

    reason = "RevisionAmbiguous"


class PathNotFound(SourceError):
    """The path is not in the commit."""

    reason = "PathNotFound"


class LinkRefused(SourceError):
    """A symbolic link that leaves the repository or turns in a circle."""

    reason = "LinkRefused"


class RendererAmbiguous(SourceError):
    """What lies at the path could be rendered in more than one way, or not as the source asks."""

    reason = "RendererAmbiguous"


class SourceTooLarge(SourceError):
    """The path holds more than is rendered for one Application."""

    reason = "SourceTooLarge"


class RegistrationError(FleetError):
    """A registration that cannot be used."""

    reason = "RegistrationInvalid"


class KubeconfigInvalid(RegistrationError):
    """The kubeconfig does not read, or lacks what is needed."""

    reason = "KubeconfigInvalid"


class KubeconfigRefused(RegistrationError):
    """The kubeconfig would run a command, read a file or skip verification."""

    reason = "KubeconfigRefused"


class ManifestRefused(FleetError):
    """A manifest that must not be sent as it stands."""

    reason = "ManifestRefused"


class KindUnknown(FleetError):
    """The cluster does not serve the kind at that version."""

    reason = "KindUnknown"
    transient = True


class ClaimRefused(FleetError):
    """Another Application, tool or hub owns the object."""

    reason = "OwnedByOther"


class NotReady(FleetError):
    """What others build on (a CRD, a namespace) is not there yet, or is being removed."""

    reason = "NotReady"
    transient = True


class Missing(NotReady):
    """404 to a write: what the object is to be in is not there. Somebody makes it, or nobody ever does."""

    reason = "NotFound"


class NotPermitted(FleetError):
    """This process holds no authority to write there now."""

    reason = "NotPermitted"
    transient = True


class Unreachable(FleetError):
    """The server could not be reached, or did not answer a read in time."""

    reason = "Unreachable"
    transient = True


class Elsewhere(Unreachable):
    """The address leads to another server than it did."""


class Unanswered(FleetError):
    """A write was sent and its answer was not read: whether it took effect is unknown."""

    reason = "Unanswered"
    transient = True


class ApiError(FleetError):
    """The API server refused. ``status`` is the HTTP status, ``word`` the Status object's reason.

    ``cause`` is the reason of its first cause (``FieldValueDuplicate``), or a word of ``kube.failure``.
    """

    reason = "ApiError"
    cause: str = ""

    def __init__(
        self, text: str, *, status: int, word: str = "", ref: ObjectRef | None = None, field: str = ""
    ) -> None:
        super().__init__(text, ref=ref, field=field)
        self.status = status
        self.word = word


class NotFound(ApiError):
    """404."""

    reason = "NotFound"


class Conflict(ApiError):
    """409: a precondition failed, or another writer was first."""

    reason = "Conflict"
    transient = True


class Invalid(ApiError):
    """400 or 422: the object does not validate; ``field`` names the first field at fault."""

    reason = "Invalid"


class Forbidden(ApiError):
    """401 or 403: the credential is not accepted, or RBAC or an admission rule refuses."""

    reason = "Forbidden"
    transient = True


class Expired(ApiError):
    """410, and 504 on a list from a version of the future: list afresh."""

    reason = "Expired"
    transient = True


class Throttled(ApiError):
    """429 and 503: ``retry_after`` in seconds, 0 where the server said none."""

    reason = "Throttled"
    transient = True
    retry_after: float = 0.0


class ServerFailed(ApiError):
    """Any other 5xx."""

    reason = "ServerError"
    transient = True


def fault(error: FleetError, ref: ObjectRef | None = None) -> Fault:
    """The error as a value for an Outcome; ``ref`` where the error itself names no object."""
    return Fault(error.ref or ref, error.reason, error.text, error.field, error.transient)
