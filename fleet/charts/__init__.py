"""Charts of chart repositories and OCI registries: found, fetched, checked, kept, and read as trees.

Contract: a version or range becomes one exact version and the digest of one archive (`resolve.resolve`); the
archive is kept by that digest (`store.Store`), and read in memory, never unpacked (`archive.ArchiveTree`). Places
are checked as those of Git repositories are, credentials go nowhere but to the URLs that their Secret covers, and
nothing is believed whose digest does not fit.
"""
