"""``vault check``: the whole way to what a Project may have of Vault, tried as the hub would go it.

Contract: what is read on the way is dropped. A rule whose words hold facts of a cluster, or globs, is tried as far as it
says without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet import facts
from fleet.projects import vaults
from fleet.secrets.vault.address import KvPath, Login, Method

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fleet.api.project import Project
    from fleet.model import VaultRule
    from fleet.secrets.vault.check import Finding
    from fleet.secrets.vault.vault import Vault

_WIDE: Final = frozenset("*+")

Step = tuple[str, str, str]


async def check(project: Project, vault: Vault) -> Sequence[Step]:
    """What was tried, what is wrong with it (empty: nothing), and what helps."""
    found: list[Step] = []
    account = vaults.account(project)
    for rule in vaults.of(project):
        if facts.mentions([rule.namespace, rule.mount, rule.role]):
            found.append(
                (f"{rule.server}: role {rule.role}", "", "facts of a cluster stand in it: it is not tried")
            )
            continue
        login = Login(
            rule.server,
            rule.namespace,
            Method(rule.method),
            rule.mount,
            rule.role,
            "" if rule.method == Method.APPROLE else account,
            "" if rule.method == Method.APPROLE else rule.audience,
            rule.secret,
            rule.ca,
        )
        plain = tuple(_plain(rule))
        found.extend(_step(one) for one in await vault.check(login, plain))
        left = [path for path in rule.paths if _wide(path)]
        if left:
            found.append(
                (f"paths {', '.join(left)}", "", "stand for many paths: what is under them is not tried")
            )
    return found


def _step(one: Finding) -> Step:
    return (f"{one.step}: {one.text}", "", "") if one.holds else (one.step, one.text, one.missing)


def _plain(rule: VaultRule) -> Iterator[KvPath]:
    for path in rule.paths:
        mount, _, rest = path.strip("/").partition("/")
        if rest and not _wide(path):
            yield KvPath(mount, rest, 2)


def _wide(path: str) -> bool:
    return bool(_WIDE.intersection(path)) or facts.mentions(path)
