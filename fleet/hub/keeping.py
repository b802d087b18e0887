"""Which commits of a repository are kept in its mirror, though no branch leads to them any more (H5).

Contract: pure. Those that parents on members name, and those of syncs that were asked for. What is no commit hash, as a
hand may have written it into a parent, is left out.
"""

from __future__ import annotations

from collections.abc import Iterable

from fleet.git import refs
from fleet.hub.record import Record
from fleet.model import Recorded


def commits(url: str, recorded: Iterable[Recorded], records: Iterable[Record]) -> frozenset[str]:
    """The commits of one repository."""
    found = {
        revision.commit
        for one in recorded
        for revision in one.revisions
        if revision.repo == url and refs.commit_hash(revision.commit)
    }
    for record in records:
        if record.last_sync is not None and record.revisions and record.revisions[0].repo == url:
            found.add(str(record.last_sync.get("revision", "")))
    return frozenset(found)
