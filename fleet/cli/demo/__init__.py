"""``fleethub demo``: a hub, two clusters, a repository, and the whole GitOps loop, each step with its time.

Contract: everything runs for real, by the commands that a user types (``fleethub``, ``kubectl``, ``git``). Nothing
is left behind: on planes of its own by the warden, also when the demo is killed; on clusters that exist
(``--contexts``) by its clean-up, which removes the namespaces and the cluster-scoped objects that it made.
"""
