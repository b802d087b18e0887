"""The hub decides: which revision belongs where, what leaves, when a change may prune.

Contract: reads the world, offers work to the cluster's workers, and touches no member. ``reconcile`` is the
first of the two stories; ``hub`` is wiring and holds no rule.
"""
