"""Which clusters an Application goes to, and how a target of it is kept.

Contract: pure functions over the frozen API models; no I/O, no clock, no state. pydantic ends here: what comes
out are values of ``fleet.model``. Cost is linear in what is passed in, so that a relabelled cluster of 10,000
Applications is one pass over them.
"""
