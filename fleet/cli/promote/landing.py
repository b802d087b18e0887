"""Bringing a promotion to the remote: on the branch itself, or on one of its own.

Contract: what is pushed was made from what the branch was at that moment. Where somebody else was faster, all of it is made
anew from what is there then, so two promotions at once both land, and neither takes back what the other wrote: where the
very strings were changed in the meantime, it is given up.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from fleet.cli.environments.repository import Pushed, Repository
from fleet.cli.errors import CliError
from fleet.cli.promote import message
from fleet.cli.promote.message import Promotion

TRIES: Final = 12
_PAUSE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be committed on top of a commit; without files there is nothing left to do."""

    files: dict[str, bytes]
    text: str


@dataclass(frozen=True, slots=True)
class Landed:
    """The commit that lies on the remote now; empty where there was nothing to do."""

    commit: str
    branch: str


def directly(repository: Repository, branch: str, make: Callable[[str], Change]) -> Landed:
    """Commit on the branch. Raises CliError, also where the remote lets nobody push there."""

    def once() -> Landed | None:
        base = _base(repository, branch)
        change = make(base)
        if not change.files:
            return Landed("", branch)
        commit = repository.commit(base, change.files, change.text)
        pushed = repository.push(commit, branch, base)
        if pushed is Pushed.DECLINED:
            raise CliError(
                f"the remote lets nobody push to {branch}", hint="Use --pull-request, or --branch NAME"
            )
        return Landed(commit, branch) if pushed is Pushed.DONE else None

    return _until(once, branch)


def beside(repository: Repository, base: str, branch: str, make: Callable[[str], Change]) -> Landed:
    """Commit on a branch of its own, made anew from ``base`` each time, and push that."""
    if branch == base:
        raise CliError(f"{branch} is the branch itself", hint="Give another --branch, or none")

    def once() -> Landed | None:
        commit = _base(repository, base)
        before = repository.fetch(branch)
        change = make(commit)
        if not change.files:
            return Landed("", branch)
        if before:
            told = (repository.message(before), *repository.messages(commit, before))
            if not all(f"\n{message.MARK}: " in one for one in told):
                raise CliError(f"{branch} holds commits that are no promotion", hint="Give another --branch")
            if repository.same(before, commit, change.files):
                return Landed(before, branch)
        made = repository.commit(commit, change.files, change.text)
        pushed = repository.push(made, branch, before)
        if pushed is Pushed.DECLINED:
            raise CliError(f"the remote lets nobody push to {branch}", hint="Give another --branch")
        return Landed(made, branch) if pushed is Pushed.DONE else None

    return _until(once, branch)


def overtaken(shown: Iterable[Promotion], made: Iterable[Promotion]) -> None:
    """Raise CliError where what is made now changes other strings than what was shown: somebody wrote them in between."""
    known = {(one.app, change.old, change.new) for one in shown for change in one.plan.changes}
    for one in made:
        for change in one.plan.changes:
            if (one.app, change.old, change.new) not in known:
                raise CliError(
                    f"{one.path}: {'.'.join(map(str, change.path))} was changed in the meantime, to {change.old or 'nothing'}",
                    hint="Look at it, and promote again",
                )


def _base(repository: Repository, branch: str) -> str:
    commit = repository.fetch(branch)
    if not commit:
        raise CliError(f"{repository.remote} has no branch {branch}", hint="Give --base BRANCH")
    return commit


def _until(once: Callable[[], Landed | None], branch: str) -> Landed:
    for attempt in range(TRIES):
        landed = once()
        if landed is not None:
            return landed
        time.sleep(_PAUSE * (attempt + 1) * random.random())  # noqa: S311 (so that two do not go in step)
    raise CliError(f"{branch} moved each time that it was pushed to", hint="Try again")
