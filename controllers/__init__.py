"""The process around the library, and the one room with kopf.

Contract: kopf watches the hub's objects and wakes the hub; it holds no finalizer, writes no status, annotation
or Event, and decides nothing. Its end, of whatever kind, is the end of the process.
"""
