"""Charts of chart repositories and OCI registries: found, fetched, checked, kept, and read as trees.

Contract: a version or range becomes one exact version and the digest of one archive (`resolve.Resolver`); the
archive is kept by that digest (`store.Store`), and read in memory, never unpacked (`archive.ArchiveTree`). Places
are checked as those of Git repositories are, credentials go nowhere but to the host that their Secret names (and
where its registry has tokens given out), and nothing is believed whose digest does not fit.
"""
