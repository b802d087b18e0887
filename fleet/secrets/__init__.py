"""Secrets: a manifest that stands for one -> the Secret in clear, in memory, at the moment of applying.

Clear text is returned, never kept; errors name objects, keys and rings, never a value.
"""
