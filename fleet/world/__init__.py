"""What is known of the world outside: the hub's objects, registrations, repositories.

Contract: knows and decides nothing. Each owner is fed by events that may come late, twice or not at all, is
completed by lists of its own, and wakes whoever has to look again; nobody here writes to a member.
"""
