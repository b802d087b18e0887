"""The hub's settings as one table: each a flag of ``fleethub hub`` and a variable ``FLEETHUB_...``.

Contract: standard library only, so that the command's help costs nothing; ``fleet.settings`` validates.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Row(NamedTuple):
    """A setting. ``kind``: text, list (may be given several times), flag, seconds, number, or its choices."""

    name: str
    default: str
    kind: str
    sentence: str

    @property
    def flag(self) -> str:
        """The option of ``fleethub hub``."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The environment variable."""
        return f"FLEETHUB_{self.name.upper()}"


ROWS: Final = (
    Row(
        "kubeconfig",
        "",
        "text",
        "Kubeconfig of the hub's own cluster; in a Pod, its ServiceAccount without it.",
    ),
    Row("context", "", "text", "Context of that kubeconfig; its current one without it."),
    Row(
        "namespace",
        "fleethub",
        "text",
        "The hub's own namespace: Clusters, Projects and Secrets count only there.",
    ),
    Row("listen", "127.0.0.1:8080", "text", "Where webhook, API, metrics and probes are served."),
    Row(
        "url", "", "text", "The address by which others reach that, when it differs; published on the Lease."
    ),
    Row("data", "", "text", "Folder of the Git mirrors; a per-user state folder without it."),
    Row(
        "ca_file",
        "",
        "text",
        "PEM file of CAs to trust besides the system's: for Git servers, forges and clusters that name no CA of "
        "their own.",
    ),
    Row("allow_git", "", "list", "URL prefix for which scheme and address rules of repositories are lifted."),
    Row("allow_exec", "", "list", "Command that kubeconfigs of registrations may run for a credential."),
    Row("allow_proxy", "", "list", "Host of a proxy that kubeconfigs of registrations may name."),
    Row(
        "discover",
        "",
        "list",
        "capi=NS[,NS] or argocd=NS[,NS]: namespaces of the hub's cluster whose Cluster API or Argo CD cluster "
        "Secrets are registrations too.",
    ),
    Row("poll_interval", "3m", "seconds", "How often each repository is looked at, besides webhooks."),
    Row("grace", "5m", "seconds", "How long a cluster that a label no longer selects keeps what it has."),
    Row(
        "guard_percent",
        "20",
        "number",
        "Share of an Application's objects, a cluster's Applications or an app of apps' children that one change may "
        "delete unconfirmed.",
    ),
    Row("guard_count", "5", "number", "Number of these that one change may delete whatever their share."),
    Row(
        "interactive_manager",
        "",
        "list",
        "Field manager, besides kubectl*, whose additions to objects count as made by hand; a final * is any rest.",
    ),
    Row("audit_interval", "12h", "seconds", "How often every self-healed object is applied anew."),
    Row(
        "seal_key_renewal",
        "720h",
        "seconds",
        "Age at which a ring gets a new sealing key; 0s never makes one.",
    ),
    Row(
        "seal_key_cutoff",
        "",
        "text",
        "RFC 3339 time: a ring whose newest sealing key was made before it gets a new one.",
    ),
    Row(
        "secret_refresh",
        "1m",
        "seconds",
        "How often the version of what a placeholder names is looked at; ExternalSecrets say it themselves.",
    ),
    Row(
        "lease_duration",
        "12s",
        "seconds",
        "How long the hub's Lease lasts without renewal: a second more, and another replica has taken over.",
    ),
    Row("in_flight", "64", "number", "Requests in flight to all clusters together."),
    Row("in_flight_cluster", "16", "number", "Requests in flight to one cluster."),
    Row("render_cache", "268435456", "number", "Bytes of rendered manifests that are kept in memory."),
    Row(
        "render_disk",
        "1073741824",
        "number",
        "Bytes of what Helm and Kustomize rendered that are kept on disk.",
    ),
    Row(
        "programs",
        "",
        "list",
        "Folder of helm, kubectl or kustomize, looked into before those built on this machine and PATH.",
    ),
    Row(
        "kustomize_option",
        "",
        "list",
        "Build option that kustomizations may use: enable-helm, load-restrictor-none.",
    ),
    Row(
        "accept_renderer_changes",
        "false",
        "flag",
        "Apply what another version of a renderer makes of the same files without asking.",
    ),
    Row("log_format", "console", "console|json", "Form of the log."),
    Row("log_level", "info", "debug|info|warning|error", "From which level on the hub logs."),
)
