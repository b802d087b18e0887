"""The hub's kinds as frozen pydantic models, and the CRDs that are generated from them.

Contract: this is the edge where an object of the group ``fleethub.dev`` becomes a value (``parse.parse``) and
the only place that knows the kinds' fields, defaults and validations. No I/O but that of ``crd``'s command,
no stage, no cluster. Defaults stand in the models alone: the CRDs state them in words and set none, so that
an object stays as its author wrote it and a later default reaches every object.
A rule that concerns two fields is written once (``rules.Rule``), in CEL for the API server and in Python for
what the hub reads from Git.
"""
