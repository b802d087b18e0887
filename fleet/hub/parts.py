"""What a hub is made of: the parts that it has from the first, and those that need to know who it is.

Contract: ``make`` is called once, when the UID of the hub's namespace is known. Who tells whom stands in the wiring.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import replace
from pathlib import Path

from fleet import names
from fleet.clusters import discovered
from fleet.clusters.kubeconfig import Allowed
from fleet.git.github_app import Apps
from fleet.hub import waking
from fleet.hub.asking import Asking
from fleet.hub.capabilities import Capabilities
from fleet.hub.changes import Changes
from fleet.hub.clearing import Clearing
from fleet.hub.desired import Desired
from fleet.hub.expected import Expected
from fleet.hub.fences import Fences
from fleet.hub.finalizer import Finalizer
from fleet.hub.grounds import Grounds
from fleet.hub.guarding import Guard
from fleet.hub.identities import Identities
from fleet.hub.knowing import Knowing
from fleet.hub.lease import Authority
from fleet.hub.lineage import Lineage
from fleet.hub.passwords import Passwords
from fleet.hub.readers import Readers
from fleet.hub.reconcile import Reconciler
from fleet.hub.rendering import Rendering
from fleet.hub.renewals import Renewals
from fleet.hub.revocations import Revocations
from fleet.hub.roster import Roster
from fleet.hub.seams import Seams
from fleet.hub.secrets import Secrets
from fleet.hub.takeovers import TakeOvers
from fleet.hub.telling import Telling
from fleet.hub.unready import Unready
from fleet.hub.waking import Waking
from fleet.hub.withdraw import Withdrawals
from fleet.kube import trusted
from fleet.kube.budget import Budget
from fleet.kube.client import Client
from fleet.kube.connection import Connection, by_way_of
from fleet.kube.request import Send
from fleet.mailbox import Mailbox
from fleet.metrics import Metrics
from fleet.model import ApplicationKey, Thresholds
from fleet.outward import DIRECT, Outward
from fleet.ownership.foreign import Hands
from fleet.render.cache import RenderCache
from fleet.render.confine.confinement import Confinement
from fleet.render.render import Tools
from fleet.render.renderer import Renderers
from fleet.render.shelf import Shelf
from fleet.report.board import Board
from fleet.report.cluster_summary import CredentialFacts
from fleet.report.events import Recorder
from fleet.report.status import StatusWriter
from fleet.settings import Settings
from fleet.worker.worker import Ground
from fleet.world.charts import Charts
from fleet.world.discovered import Discovered
from fleet.world.objects import World
from fleet.world.registrations import Registrations
from fleet.world.repositories import Repositories


class Parts:
    """See the module."""

    def __init__(
        self,
        settings: Settings,
        connection: Connection,
        seams: Seams | None = None,
        metrics: Metrics | None = None,
        out: Outward = DIRECT,
    ) -> None:
        self.settings = settings
        self.out = out
        self.connection = connection
        self.seams = seams or Seams()
        self.metrics = metrics or Metrics()
        self.clock = self.seams.clock()
        self.namespace = settings.namespace
        self.identity = f"{socket.gethostname()}_{os.getpid()}_{secrets.token_hex(4)}"
        self.budget = Budget(settings.in_flight, settings.in_flight_cluster)
        self._aside = Budget()  # what is tried besides a worker makes no cluster suspect
        self.authority = Authority(self.namespace, self.identity, settings.lease_duration, self.clock)
        self.client = self.seams.client(
            connection,
            names.HUB_CLUSTER,
            self.budget,
            lambda: self.authority.may_write(names.HUB_CLUSTER),
            self.metrics.observer(names.HUB_CLUSTER),
            self.clock,
        )
        self.world = World()
        self.board = Board(self.clock.now)
        self.statuses = StatusWriter(self.client.send, self.clock)
        self.events = Recorder(self.client.send, self.clock)
        self.cache = RenderCache(
            settings.render_cache, Shelf(Path(settings.data) / "renders", settings.render_disk)
        )
        self.confinement = Confinement([Path(one) for one in settings.programs])
        self.changes = Changes()
        self.readers = Readers()
        self.passwords = Passwords(self.client.send, self.namespace, self.clock)
        self.queue: Mailbox[ApplicationKey, None] = Mailbox(self.clock)

    def make(self, hub_uid: str, cluster_uid: str = "") -> None:
        """Make the parts that need to know who the hub is, and (where that matters) which cluster it runs on."""
        settings = self.settings
        git = self.seams.git(Path(settings.data) / "home")
        self.git = git
        allow_git = tuple(settings.allow_git)
        apps = Apps(self.clock, git, allow_git, self.out)
        self.repositories = Repositories(
            lambda url, folder: self.seams.mirror(url, folder, git, allow_git, self.out, apps),
            Path(settings.data) / "mirrors",
            self.clock,
            settings.poll_interval,
        )
        self.telling = Telling(self.world, self.board, self.statuses, self.events, self.clock)
        self.expected = Expected(self.world, self.changes)
        self.unready = Unready()
        self.finalizer = Finalizer(self.client.send, self.world)
        self.guard = Guard(
            self.world, self.finalizer, Thresholds(settings.guard_percent, settings.guard_count)
        )
        self.knowing = Knowing(
            self.world, self.changes, self.expected, self.unready, self.guard, self.finalizer
        )
        self.identities = Identities(self.world)
        self.take_overs = TakeOvers(self.world)
        self.secrets = Secrets(self.client, self.world, self.board, settings, self.clock, self.out)
        ground = Ground(
            client=lambda connection, name, permit: self.seams.client(
                connection, name, self.budget, permit, self.metrics.observer(name), self.clock
            ),
            clock=self.clock,
            report=self.telling,
            knowledge=self.knowing,
            may_write=lambda name: self.authority.may_write(name) and self.identities.may_write(name),
            admit=self.identities.admit,
            hub=hub_uid,
            own=cluster_uid,
            audit=settings.audit_interval,
            hands=Hands(settings.interactive_manager),
            resolver=self.secrets,
        )
        self.roster = Roster(ground, self.namespace)
        self.guard.roster = self.secrets.roster = self.roster
        self.withdrawals = Withdrawals(
            self.world, self.roster, self.finalizer, self.guard, self.board, self.clock
        )
        self.lineage = Lineage(self.world, self.namespace, self.roster.parent_of)
        self.fences = Fences(self.world, self.lineage, self.roster, self.namespace)
        self.clearing = Clearing(
            self.world, self.roster, self.finalizer, self.changes, self.expected, self.board
        )
        self.asking = Asking()
        self.charts = Charts(
            self.seams.door(allow_git, self.out),
            Path(settings.data) / "charts",
            self.clock,
            settings.poll_interval,
        )
        self.capabilities = Capabilities(self.roster)
        self.rendering = Rendering(
            Grounds(self.repositories, self.charts),
            Tools(self.cache, Renderers(frozenset(settings.kustomize_option))),
            self.confinement.confined,
        )
        self.desired = Desired(self.world, self.rendering, self.readers, self.changes)
        self.reconciler = Reconciler(
            self.world,
            self.desired,
            self.changes,
            self.roster,
            self.finalizer,
            self.withdrawals,
            self.guard,
            self.asking,
            self.expected,
            self.unready,
            self.fences,
        )
        allowed = Allowed(frozenset(settings.allow_exec), frozenset(settings.allow_proxy), trusted.exec_token)
        self.discovered = Discovered(self.client, discovered.places(settings.discover), self.clock)
        self.registrations = Registrations(
            self.client, self.world, self.namespace, allowed, self.clock, self.discovered
        )
        self.renewals = Renewals(self.world, self.registrations, self.clock)
        self.revocations = Revocations(self.world, self.registrations, self.clock)
        self.waking = Waking(
            waking.Owners(
                self.namespace,
                self.out,
                self.world,
                self.board,
                self.statuses,
                self.telling,
                self.lineage,
                self.fences,
                self.identities,
                self.clearing,
                self.finalizer,
                self.registrations,
                self.roster,
                self.take_overs,
                self.renewals,
                self.revocations,
                self.reconciler.records,
                self.wake,
            )
        )

    def open(self, connection: Connection, name: str) -> Client:
        """A client of a cluster's own besides its worker's, for its credential: no Lease is asked."""
        reached = by_way_of(connection, self.out)
        observe = self.metrics.observer(name)
        return self.seams.client(
            reached, name, self._aside, lambda: self.authority.may_write(name), observe, self.clock
        )

    def door(self, name: str) -> Send | None:
        """The way to a member at work; None while there is none."""
        worker = self.roster.get(name)
        running = worker.running if worker is not None else None
        return running.member.client.send if running is not None else None

    def credential(self, name: str) -> CredentialFacts:
        """What there is to say of what a cluster is reached with."""
        revoked, voided = self.revocations.done(name)
        return replace(self.renewals.facts(name), revoked=revoked, voided=voided)

    def wake(self, key: ApplicationKey) -> None:
        """Have the Application reconciled."""
        self.queue.put(key, None)
