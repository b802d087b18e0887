"""Prometheus metrics of the hub.

Contract: one object a process; children of the hot path are kept, label values are bounded (clusters, verbs,
status classes). What can be read off an owner (Applications, queues) is collected when asked for, not
counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from fleet import log

FAST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
Family = GaugeMetricFamily | CounterMetricFamily
Rows = Callable[[], Iterable[tuple[tuple[str, ...], float]]]


class Metrics:
    """See the module."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        into = self.registry
        self._requests = Counter(
            "fleethub_api_requests", "Requests to API servers.", ("cluster", "verb", "status"), registry=into
        )
        self._request_seconds = Histogram(
            "fleethub_api_request_duration_seconds",
            "Time of a request.",
            ("verb",),
            buckets=FAST,
            registry=into,
        )
        self._syncs = Counter("fleethub_sync", "Whole passes over a target.", ("result",), registry=into)
        self._sync_seconds = Histogram(
            "fleethub_sync_duration_seconds", "Time of a whole pass.", buckets=FAST, registry=into
        )
        self._fetches = Counter(
            "fleethub_git_fetch", "Looks at a Git server.", ("what", "result"), registry=into
        )
        self._fetch_seconds = Histogram(
            "fleethub_git_fetch_duration_seconds",
            "Time of a look at a Git server.",
            buckets=FAST,
            registry=into,
        )
        self._heals = Counter("fleethub_heal", "Drift that was put back.", registry=into)
        self._drifts = Counter(
            "fleethub_drift", "Objects found to differ from what was applied.", registry=into
        )
        self._webhooks = Counter("fleethub_webhook", "Push events.", ("result",), registry=into)
        self._unforeseen = Counter("fleethub_unforeseen_errors", "Errors that nobody foresaw.", registry=into)
        self._logger = log.get("fleethub")

    def observer(self, cluster: str) -> Callable[[str, int, float], None]:
        """What a Client tells of each request: verb, status (0: no answer), seconds."""
        counters: dict[tuple[str, int], Any] = {}
        times: dict[str, Any] = {}

        def observe(verb: str, status: int, seconds: float) -> None:
            key = (verb, status // 100)
            counter = counters.get(key)
            if counter is None:
                word = f"{key[1]}xx" if key[1] else "none"
                counter = counters[key] = self._requests.labels(cluster, verb, word)
                times.setdefault(verb, self._request_seconds.labels(verb))
            counter.inc()
            if verb != "WATCH":
                times[verb].observe(seconds)

        return observe

    def fetched(self, seconds: float, *, fetched: bool, well: bool) -> None:
        """A look at a Git server, with or without a fetch."""
        self._fetches.labels("fetch" if fetched else "list", "success" if well else "failure").inc()
        self._fetch_seconds.observe(seconds)

    def passed(self, seconds: float, *, well: bool) -> None:
        """A whole pass over a target."""
        self._syncs.labels("success" if well else "failure").inc()
        self._sync_seconds.observe(seconds)

    def healed(self) -> None:
        """Drift that was put back."""
        self._heals.inc()

    def drifted(self) -> None:
        """An object was found to differ from what was applied."""
        self._drifts.inc()

    def webhook(self, result: str) -> None:
        """A push event: accepted or refused."""
        self._webhooks.labels(result).inc()

    def unforeseen(self, words: str) -> None:
        """An error that nobody foresaw, in words without content."""
        self._unforeseen.inc()
        self._logger.error("unforeseen error", what=words)

    def applications(self, rows: Rows) -> None:
        """Have one row an Application read off its owner: namespace, name, project, sync, health; 1."""
        labels = ("namespace", "name", "project", "sync", "health")
        self.collect("fleethub_application_info", "An Application and how it stands.", labels, rows)

    def clusters(self, rows: Rows) -> None:
        """Have one row a cluster read off its owner: its name; 1 where it answers, else 0."""
        text = "Whether a cluster answers."
        self.collect("fleethub_cluster_connection_status", text, ("cluster",), rows)

    def unclaimed(self, rows: Rows) -> None:
        """Have one row a cluster read off its owner: its name; how many sets no Application claims there."""
        text = "Sets on a cluster that no Application claims."
        self.collect("fleethub_unclaimed_sets", text, ("cluster",), rows)

    def queues(self, rows: Rows) -> None:
        """Have the queued targets read off their owners: the lane's name; how many."""
        self.collect("fleethub_queue_depth", "Targets that wait for a pass.", ("lane",), rows)

    def renders(self, rows: Rows) -> None:
        """Have the renders counted by their owner read off: result (built, cached, failed); how many."""
        family = _Read(CounterMetricFamily, ("fleethub_render", "Renders of sources.", ("result",)), rows)
        self.registry.register(family)

    def unsealing(self, read: Callable[[], float]) -> None:
        """Have the RSA operations counted by the keyring read off."""
        named = ("fleethub_unseal_operations", "RSA operations that opened sealed values, or tried.", ())
        self.registry.register(_Read(CounterMetricFamily, named, lambda: [((), read())]))

    def vault(self, rows: Rows) -> None:
        """Have the requests to Vault counted by their owner read off: what was asked (login, metadata, data); how many."""
        named = ("fleethub_vault_requests", "Requests to Vault.", ("what",))
        self.registry.register(_Read(CounterMetricFamily, named, rows))

    def status_writes(self, read: Callable[[], float]) -> None:
        """Have the writes of status counted by their owner read off."""
        named = ("fleethub_status_writes", "Writes of status to the hub.", ())
        self.registry.register(_Read(CounterMetricFamily, named, lambda: [((), read())]))

    def lag(self, read: Callable[[], float]) -> None:
        """Have the loop's lag read off the clock, in seconds."""
        self.collect("fleethub_loop_lag_seconds", "How far the event loop lags.", (), lambda: [((), read())])

    def collect(self, name: str, text: str, labels: tuple[str, ...], rows: Rows) -> None:
        """Have a gauge read off its owner at each scrape."""
        self.registry.register(_Read(GaugeMetricFamily, (name, text, labels), rows))

    def expose(self) -> tuple[bytes, str]:
        """All of it in the text format; blocking, for a thread."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST


class _Read:
    """A family that is read off an owner."""

    def __init__(self, kind: type[Family], named: tuple[str, str, tuple[str, ...]], rows: Rows) -> None:
        self._kind = kind
        self._named = named
        self._rows = rows

    def collect(self) -> Iterator[Metric]:
        """Give the family with its values now."""
        family = self._family()
        for labels, value in list(self._rows()):
            family.add_metric(labels, value)
        yield family

    def describe(self) -> Iterator[Metric]:
        """Give the family without its values, so that registering reads nothing."""
        yield self._family()

    def _family(self) -> Family:
        name, text, labels = self._named
        return self._kind(name, text, labels=labels)
