"""What fleethub needs around itself: real clusters on this machine, and the manifests of hub and members.

Contract: standard library and `cryptography` only; imports nothing of `fleet` or `controllers`, so that a
cluster can be made by somebody who has no hub yet.
"""
