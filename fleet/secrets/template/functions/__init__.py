"""The functions that a template may call: a list of what is allowed, one module a theme.

Contract: pure, no I/O, nothing random, no clock; each takes values and gives a value, and changes none. What an
argument must be stands in the table (``signature``); amounts are charged before the work is done.
"""
