"""Every name that fleethub puts on an object: groups, labels, annotations, managers, secret types.

Contract: constants only. A name stands here once; the rest of the code refers to it.
Sources: ApplySet labels and annotations as shipped in kubectl (KEP-3659, prefix ``applyset.kubernetes.io``);
Argo CD's and Helm's annotations as their documentation gives them.
"""

from typing import Final

PRODUCT: Final = "fleethub"
GROUP: Final = "fleethub.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = "fleethub.dev/v1alpha1"

APPLICATION: Final = "Application"
CLUSTER: Final = "Cluster"
PROJECT: Final = "Project"
HUB_KINDS: Final = (APPLICATION, CLUSTER, PROJECT)
PLURALS: Final = {APPLICATION: "applications", CLUSTER: "clusters", PROJECT: "projects"}

# The hub as a target of app-of-apps Applications; '@' cannot occur in a Kubernetes name.
HUB_CLUSTER: Final = "@hub"
HUB_NAMESPACE: Final = "fleethub"
MEMBER_NAMESPACE: Final = "fleethub"
# The same on the hub's own cluster where that is a member too: the hub's namespace holds what is the hub's.
SELF_NAMESPACE: Final = "fleethub-member"
DEFAULT_PROJECT: Final = "default"

FIELD_MANAGER: Final = "fleethub"
STATUS_MANAGER: Final = "fleethub-status"
REGISTRATION_MANAGER: Final = "fleethub-registrations"
FINALIZER: Final = f"{GROUP}/placed"

# Hub objects.
PLACED: Final = f"{GROUP}/placed"
SYNC: Final = f"{GROUP}/sync"
REFRESH: Final = f"{GROUP}/refresh"
ABANDON: Final = f"{GROUP}/abandon"
CONFIRM: Final = f"{GROUP}/confirm"
ACCEPT: Final = f"{GROUP}/accept-renderer"
LEAVING: Final = f"{GROUP}/leaving"
URL: Final = f"{GROUP}/url"
TAKE_OVER: Final = f"{GROUP}/take-over"
REPLACE: Final = f"{GROUP}/replace"
COLLECT: Final = f"{GROUP}/gc"
CLEAN: Final = f"{GROUP}/clean"
ROTATE: Final = f"{GROUP}/rotate"
REVOKE: Final = f"{GROUP}/revoke"
SECRET_TYPE: Final = f"{GROUP}/secret-type"
SECRET_CLUSTER: Final = "cluster"  # noqa: S105 (a label's value, not a secret)
SECRET_CREDENTIAL: Final = "cluster-credential"  # noqa: S105 (a label's value, not a secret)
SECRET_REPOSITORY: Final = "repository"  # noqa: S105 (a label's value, not a secret)
CONTENT: Final = f"{GROUP}/content"
RESTARTED: Final = f"{GROUP}/secrets"
RESTART: Final = f"{GROUP}/restart-on-change"
REFRESH_SECRETS: Final = f"{GROUP}/refresh-secrets"
ONCE: Final = (
    "once"  # the stamp of a Secret that is made once, whatever becomes of its source and its manifest
)
PIN: Final = f"{GROUP}/pin"
SECRET_SOURCE: Final = "source"  # noqa: S105 (a label's value, not a secret)
SECRET_APPROLE: Final = "approle"  # noqa: S105 (a label's value, not a secret)
RING: Final = f"{GROUP}/ring"
RINGS: Final = "fleethub-rings"
SECRET_TYPES: Final = (SECRET_CLUSTER, SECRET_CREDENTIAL, SECRET_REPOSITORY)
RESERVED_SECRETS: Final = ("fleethub-", "sealed-secrets-key")  # beginnings of names that are the hub's own
WEBHOOK_SECRET: Final = "fleethub-webhook"  # noqa: S105 (a Secret's name)
API_SECRET: Final = "fleethub-api"  # noqa: S105 (a Secret's name)
HUB_LEASE: Final = "fleethub-hub"
MADE_FROM: Final = f"{GROUP}/made-from"

# Member objects.
MANIFEST: Final = f"{GROUP}/manifest"
PRUNE: Final = f"{GROUP}/prune"
PRUNE_CONFIRMED: Final = "confirmed"
SET_APPLICATION: Final = f"{GROUP}/application"
SET_REVISIONS: Final = f"{GROUP}/revisions"
SET_RENDER: Final = f"{GROUP}/render"
SET_RENDERER: Final = f"{GROUP}/renderer"
SET_INPUTS: Final = f"{GROUP}/inputs"
SET_SEAL: Final = f"{GROUP}/seal"
MEMBER_LEASE: Final = "fleethub-hub"
DIGEST_KEY_SECRET: Final = "fleethub-digest-key"  # noqa: S105 (a Secret's name)
MEMBER_ACCOUNT: Final = "fleethub"

APPLYSET_ID: Final = "applyset.kubernetes.io/id"
APPLYSET_PART_OF: Final = "applyset.kubernetes.io/part-of"
APPLYSET_TOOLING: Final = "applyset.kubernetes.io/tooling"
APPLYSET_KINDS: Final = "applyset.kubernetes.io/contains-group-kinds"
APPLYSET_NAMESPACES: Final = "applyset.kubernetes.io/additional-namespaces"

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"

# Read on manifests: Argo CD's prefix first, ours counts the same, Helm's hooks too.
ARGO: Final = "argocd.argoproj.io"
ANNOTATION_PREFIXES: Final = (ARGO, GROUP)
SYNC_WAVE: Final = "sync-wave"
HOOK: Final = "hook"
SYNC_OPTIONS: Final = "sync-options"
HELM_HOOK: Final = "helm.sh/hook"
