"""Secrets: a manifest that stands for one -> the Secret in clear, in memory, at the moment of applying.

``arrange`` gives such a manifest the ref of the Secret that it becomes, so that claims, fences and pruning see
nothing else; ``resolve`` opens it right before it is sent. Clear text is returned, never kept; errors name
objects, keys and rings, never a value.
"""
