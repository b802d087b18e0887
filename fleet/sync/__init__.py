"""Bringing one member to what a target wants: a verb a file, through ``Send``.

Contract: a verb gets ``Send`` and values and returns a value or raises FleetError; nothing here logs,
counts, retries later or writes status. The only state is ``claims.Claims``, in memory. ``scope``, ``order``,
``shape``, ``claims``, ``sets``, ``unchanged`` and ``gate`` are pure. Every verb computes its step from what
it has read and does nothing where the step is done: to resume is to run again.
"""
