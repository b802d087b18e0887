"""Prometheus metrics of the hub.

Contract: one object a process; children of the hot path are kept, label values are bounded (clusters, verbs,
status classes). What can be read off an owner (Applications, queues) is collected when asked for, not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from fleet import log

FAST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
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

    def webhook(self, result: str) -> None:
        """A push event: accepted or refused."""
        self._webhooks.labels(result).inc()

    def unforeseen(self, words: str) -> None:
        """An error that nobody foresaw, in words without content."""
        self._unforeseen.inc()
        self._logger.error("unforeseen error", what=words)

    def collect(self, name: str, text: str, labels: tuple[str, ...], rows: Rows) -> None:
        """Have a gauge read off its owner at each scrape."""
        self.registry.register(_Read(name, text, labels, rows))

    def expose(self) -> tuple[bytes, str]:
        """All of it in the text format; blocking, for a thread."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST


class _Read:
    """A gauge that is read off an owner."""

    def __init__(self, name: str, text: str, labels: tuple[str, ...], rows: Rows) -> None:
        self._made = (name, text, labels)
        self._rows = rows

    def collect(self) -> Iterator[Metric]:
        """One family."""
        family = GaugeMetricFamily(self._made[0], self._made[1], labels=self._made[2])
        for labels, value in list(self._rows()):
            family.add_metric(labels, value)
        yield family

    def describe(self) -> Iterator[Metric]:
        """The family without its values, so that registering reads nothing."""
        yield GaugeMetricFamily(self._made[0], self._made[1], labels=self._made[2])
