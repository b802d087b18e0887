"""A person's word that what the hub signs in to a cluster with shall count no more: acted on once, and then it lasts.

Contract: one owner. While the word stands the hub has no worker there. It deletes the hub's account on the member,
by which every token of that account is void, and nothing else. What was done stands in the Cluster's status with the
registration that it was done to: another credential, given later, is let in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fleet import names
from fleet.clock import Clock
from fleet.clusters import enrol, token
from fleet.errors import FleetError, Forbidden, NotReady, RegistrationError
from fleet.kube import decode, paths
from fleet.kube.client import Client
from fleet.kube.connection import Connection
from fleet.mailbox import Mailbox
from fleet.model import ApplicationKey, Fault
from fleet.redact import words
from fleet.worker.connect import KUBE_SYSTEM, NAMESPACE
from fleet.world.objects import World
from fleet.world.registrations import Registrations

TASKS: Final = 4
AGAIN: Final = 5.0
LONGEST: Final = 256
_UNAUTHORIZED: Final = 401


class Revocations:
    """See the module; bounded by the Clusters. ``open`` makes a client; ``moved`` is called when one has come further."""

    def __init__(self, world: World, registrations: Registrations, clock: Clock) -> None:
        self._world = world
        self._registrations = registrations
        self._clock = clock
        self._due = Mailbox[str, None](clock)
        self._done: dict[str, tuple[str, str, str]] = {}  # name -> UID of the Cluster, word, registration
        self._problems: dict[str, str] = {}
        self.namespace = names.HUB_NAMESPACE
        self.open: Callable[[Connection, str], Client] | None = None
        self.identity: Callable[[str], str] = lambda _: ""
        self.moved: Callable[[str], None] = lambda _: None

    def done(self, name: str) -> tuple[str, str]:
        """The word that was acted on last, and the registration that it was done to."""
        known = self._world.clusters.get(ApplicationKey(self.namespace, name))
        if known is None:
            return "", ""
        uid, word, version = self._done.get(name, ("", "", ""))
        if uid == known.uid:
            return word, version
        return str(known.status.get("revoked") or ""), str(known.status.get("revokedRegistration") or "")

    def fault(self, name: str) -> Fault | None:
        """Why the hub has no worker at the cluster; None where it may have one."""
        word = self._word(name)
        if not word:
            return None
        done, version = self.done(name)
        if done != word:
            why = self._problems.get(name, "")
            return Fault(
                None,
                "Revoking",
                f"asked {word}: the hub's account there is being removed{': ' if why else ''}{why}",
            )
        if version != self._registrations.version(name):
            return None
        return Fault(
            None,
            "Revoked",
            f"asked {word}: the hub's account on the cluster is removed, and no token of it counts; what runs there "
            f"stays. 'fleethub cluster rotate {name} --member-kubeconfig FILE' lets the hub in again",
        )

    def changed(self, name: str) -> None:
        """A Cluster came or changed."""
        word = self._word(name)
        if word and self.done(name)[0] != word:
            self._due.put(name, None)

    def forget(self, name: str) -> None:
        """A Cluster is gone."""
        self._due.forget(name)
        self._done.pop(name, None)
        self._problems.pop(name, None)

    async def run(self) -> None:
        """Act on what is asked for ever."""
        while True:
            claim = await self._due.take()
            try:
                await self._look(claim.key)
            finally:
                self._due.done(claim)

    async def _look(self, name: str) -> None:
        known = self._world.clusters.get(ApplicationKey(self.namespace, name))
        word = self._word(name)
        if known is None or not word or self.done(name)[0] == word:
            return
        version = self._registrations.version(name)
        try:
            await self._revoke(name)
        except FleetError as error:
            self._due.put(name, None, not_before=self._clock.boottime() + AGAIN)
            self._told(name, error.text)
            return
        except Exception as error:  # noqa: BLE001 (whatever that cluster answers, the hub goes on)
            self._due.put(name, None, not_before=self._clock.boottime() + AGAIN)
            self._told(name, words(error))
            return
        self._problems.pop(name, None)
        self._done[name] = (known.uid, word, version)
        self.moved(name)

    def _told(self, name: str, problem: str) -> None:
        if self._problems.get(name) != problem:
            self._problems[name] = problem
            self.moved(name)

    async def _revoke(self, name: str) -> None:
        """Remove the account, where that is not done yet.

        A token that is refused before its end says that the account is gone; one that has ended says nothing of the
        account, which may have other tokens that count.
        """
        found = self._registrations.registration(name).connection
        held = token.read(found.token)
        if held is None or not held.ours:
            raise RegistrationError(
                "its credential is no token of the hub's own account, so whoever made it has to take it back"
            )
        if self.open is None:
            raise NotReady("the hub is not ready")
        client = self.open(found, name)
        try:
            answer = await client.send(paths.get_meta(NAMESPACE, KUBE_SYSTEM))
            if decode.meta(answer.body, NAMESPACE).uid != self.identity(name):
                raise NotReady("the connection reaches another cluster than the one that is registered")
            await enrol.void(client.send, held.place)
        except Forbidden as error:
            if error.status != _UNAUTHORIZED:
                raise
            if held.expires and held.expires <= self._clock.now():
                raise NotReady(
                    "its token has ended, so the hub cannot remove the account, whose other tokens may still count: "
                    f"'fleethub cluster rotate {name} --member-kubeconfig FILE' does, and lets the hub in anew; "
                    f"'kubectl delete serviceaccount -n {held.place} {names.MEMBER_ACCOUNT}' there does it alone"
                ) from None
        finally:
            await client.close()

    def _word(self, name: str) -> str:
        known = self._world.clusters.get(ApplicationKey(self.namespace, name))
        return known.annotations.get(names.REVOKE, "")[:LONGEST] if known is not None else ""
