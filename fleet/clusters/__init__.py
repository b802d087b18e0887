"""What a cluster is to the hub: how it is reached, what is known of it, how a new one lets the hub in.

Contract: ``kubeconfig`` and ``registration`` are pure: bytes and objects in, a frozen value out. They never run
a command, read a file or follow an address, and refuse what would make a client do so or skip verification.
``enrol`` speaks to one member through ``Send``. Errors are RegistrationErrors in our own words: neither a
credential nor any other content of a Secret stands in them. A registration comes from Secrets and Clusters of
the hub's namespace alone; which these are is for ``world`` to say (H21).
"""
