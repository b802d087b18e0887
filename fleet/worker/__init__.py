"""One running member cluster: its connection, its watches, its queue of targets.

Contract: a worker owns everything that is remembered of its cluster and is the only one that writes to it.
It knows targets and manifests, no kind of the hub's API and no repository. Its methods never await, so each is
atomic on the loop; what they cause happens in the worker's own tasks. A cluster that is slow, hangs or is gone
delays its own worker alone.
"""
