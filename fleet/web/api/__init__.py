"""The read-only API under ``/api/v1``, for the command line and for people's own tools.

`provider` says what the hub must be able to tell; `shape` makes JSON of it, purely; `token` guards; `routes`
answers. Nothing is changed through it: a sync is asked for on the Application itself, where Kubernetes' own
RBAC and audit log see who did it.
"""
