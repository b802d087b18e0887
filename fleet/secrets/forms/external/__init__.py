"""ExternalSecret (``external-secrets.io/v1``): how it reads, what it wants, and the Secret that it becomes.

Contract: purely computational. What is asked of a store goes out as ``Want``s; what the store gave comes in, and the
Secret in clear goes out. The part of the operator's form that a hub can promise is done as the operator does it; every
other field is an error that names it.

Different by choice: labels and annotations take no templates, since whatever masks a Secret masks its data alone; keys
of ``data`` are never twice; whole numbers stay exact.
"""

from fleet.secrets.forms.external.make import SecretGone, make
from fleet.secrets.forms.external.read import read, secret_ref
from fleet.secrets.forms.external.spec import Deletion, External, Refresh
from fleet.secrets.forms.external.wants import StoreMissing, wants

__all__ = [
    "Deletion",
    "External",
    "Refresh",
    "SecretGone",
    "StoreMissing",
    "make",
    "read",
    "secret_ref",
    "wants",
]
