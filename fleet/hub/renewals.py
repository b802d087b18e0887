"""Tokens that renew themselves: a new one in good time, or when a person asks, and proved before it counts.

Contract: one owner. For a cluster that the hub signs in to with its own account's token, the hub asks the member for
another after a third of its life, or at once in place of one that somebody gave for less than a day. It has it answered
for with one read of the right cluster, and then writes it into NAME-token by one write; until then, and where any step
fails, the former serves. So whatever dies between two steps leaves a token that works. A token's age is reckoned by our
own clock where we asked for it ourselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from fleet import names
from fleet.clock import Clock
from fleet.clusters import certificate, enrol, token
from fleet.clusters.registration import Registration
from fleet.clusters.token import Token
from fleet.errors import FleetError, NotReady, RegistrationError
from fleet.kube import decode, paths
from fleet.kube.client import Client
from fleet.kube.connection import Connection
from fleet.kube.request import Send
from fleet.mailbox import Mailbox
from fleet.model import ApplicationKey
from fleet.redact import words
from fleet.report.cluster_summary import CredentialFacts
from fleet.worker.connect import KUBE_SYSTEM, NAMESPACE
from fleet.world.objects import World
from fleet.world.registrations import Registrations

TASKS: Final = 4
LONGEST: Final = 3600.0  # seconds after which a cluster is looked at anyway
AGAIN: Final = 30.0
LONGEST_WORD: Final = 256


class Renewals:
    """See the module; bounded by the Clusters.

    ``door`` is the way to a member at work, None while there is none; ``open`` makes a client for a connection;
    ``identity`` says which cluster a name is; ``tell`` is called when what ``facts`` gives has changed.
    """

    def __init__(self, world: World, registrations: Registrations, clock: Clock) -> None:
        self._world = world
        self._registrations = registrations
        self._clock = clock
        self._due = Mailbox[str, None](clock)
        self._got: dict[str, tuple[str, float]] = {}  # name -> token that we asked for, and when (boot time)
        self._tries: dict[str, int] = {}
        self._problems: dict[str, str] = {}
        self.namespace = names.HUB_NAMESPACE
        self.door: Callable[[str], Send | None] = lambda _: None
        self.open: Callable[[Connection, str], Client] | None = None
        self.identity: Callable[[str], str] = lambda _: ""
        self.tell: Callable[[str], None] = lambda _: None

    # --- what others ask ----------------------------------------------------------------------------------

    def facts(self, name: str) -> CredentialFacts:
        """What there is to say of the credential in use."""
        rotated = self._registrations.rotated(name)
        try:
            found = self._registrations.registration(name).connection
        except RegistrationError:
            return CredentialFacts(rotated=rotated)
        held = token.read(found.token)
        if held is not None and held.expires:
            expires, lifetime = held.expires, held.lifetime
        else:
            expires, lifetime = certificate.expires(None if found.token else found.client_cert), 0.0
        return CredentialFacts(expires, lifetime, rotated, self._problems.get(name, ""))

    # --- what others tell ---------------------------------------------------------------------------------

    def changed(self, name: str) -> None:
        """A Cluster, or what it is reached with, changed, or it answers."""
        self._due.put(name, None)

    def forget(self, name: str) -> None:
        """A Cluster is gone."""
        self._due.forget(name)
        for known in (self._got, self._tries, self._problems):
            known.pop(name, None)

    async def run(self) -> None:
        """Renew for ever."""
        while True:
            claim = await self._due.take()
            try:
                await self._look(claim.key)
            finally:
                self._due.done(claim)

    # --- inside -------------------------------------------------------------------------------------------

    async def _look(self, name: str) -> None:
        """Renew where that is due, and say when to look again."""
        try:
            registered = self._registrations.registration(name)
        except RegistrationError:
            return  # whatever mends it tells of it
        held = token.read(registered.connection.token)
        word = self._word(name)
        send = self.door(name)
        if held is None or not held.ours:
            if word:
                self._problem(
                    name,
                    "the hub renews tokens of its own account alone, which 'fleethub cluster add' makes; this "
                    f"credential is another, and whoever made it renews it (asked {word})",
                )
            else:
                self._problem(name, "")
            return
        left = self._left(name, registered, held)
        if not word and left > 0:
            self._tries.pop(name, None)
            self._problem(name, "")  # whatever there was, another token has come since
            self._again(name, min(left, LONGEST))
            return
        if not word and (pause := self._pause(name, registered)) > 0:
            self._again(name, pause)
            return
        if send is None:
            return  # looked at when it answers
        try:
            await self._renew(name, registered, send, (held.place, word))
        except Exception as error:  # noqa: BLE001 (whatever that cluster answers, the hub goes on)
            tries = self._tries[name] = self._tries.get(name, 0) + 1
            text = error.text if isinstance(error, FleetError) else words(error)
            self._problem(name, text + (f" (asked {word})" if word else ""))
            self._again(name, min(LONGEST, AGAIN * 2 ** min(tries - 1, 10)))
            return
        self._tries.pop(name, None)
        self._problem(name, "")
        self._again(name, 1.0)

    async def _renew(
        self, name: str, registered: Registration, send: Send, asked_for: tuple[str, str]
    ) -> None:
        """Ask for a token, prove it, write it; in this order, so that none is lost and none is believed untried."""
        place, word = asked_for
        self._registrations.keepable(name)
        before = self._registrations.version(name)
        asked = self._clock.boottime()
        granted, _ = await enrol.token_of(send, place)
        await self._proved(name, replace(registered.connection, token=granted))
        if self._registrations.version(name) != before:
            raise NotReady("the registration changed while a new token was asked for")
        if (
            self.door(name) is None
        ):  # revoked, perhaps: then a new token would look like one that somebody gave since
            raise NotReady("the hub left the cluster while a new token was asked for")
        self._got[name] = (granted, asked)
        await self._registrations.keep(name, granted, word)

    async def _proved(self, name: str, connection: Connection) -> None:
        """Raise unless the connection reaches the cluster that it is to reach."""
        if self.open is None:
            raise NotReady("the hub is not ready")
        client = self.open(connection, name)
        try:
            answer = await client.send(paths.get_meta(NAMESPACE, KUBE_SYSTEM))
        finally:
            await client.close()
        if decode.meta(answer.body, NAMESPACE).uid != self.identity(name):
            raise NotReady("the new token reaches another cluster than the one that is registered")

    def _left(self, name: str, registered: Registration, held: Token) -> float:
        """Seconds until the token is to be renewed; below zero for one that is overdue."""
        if not held.lifetime:
            return LONGEST
        now = self._clock.boottime()
        got = self._got.get(name)
        if got is not None and got[0] == registered.connection.token:
            return got[1] + held.due - now
        if got is not None and now - got[1] < AGAIN:
            return (
                got[1] + AGAIN - now
            )  # another serves than the one that was just got: not one after the other
        if held.lifetime < token.BEGINNING and not self._registrations.renewed(name):
            return 0.0
        return held.issued + held.due - self._clock.now()

    def _pause(self, name: str, registered: Registration) -> float:
        """Seconds until the next may be asked for, where another serves than the one that was got last."""
        got = self._got.get(name)
        if got is None or got[0] == registered.connection.token:
            return 0.0
        return got[1] + AGAIN - self._clock.boottime()

    def _word(self, name: str) -> str:
        """A person's request that has not been answered."""
        known = self._world.clusters.get(ApplicationKey(self.namespace, name))
        word = known.annotations.get(names.ROTATE, "")[:LONGEST_WORD] if known is not None else ""
        return word if word != self._registrations.rotated(name) else ""

    def _again(self, name: str, seconds: float) -> None:
        self._due.put(name, None, not_before=self._clock.boottime() + seconds)

    def _problem(self, name: str, text: str) -> None:
        if self._problems.get(name, "") == text:
            return
        if text:
            self._problems[name] = text
        else:
            self._problems.pop(name, None)
        self.tell(name)
