"""Real Kubernetes control planes and a real Git server on this machine, without containers and without root.

`binaries` knows the programs, `build` makes them from Go modules once a user, `plane` runs one control
plane, `lasting` keeps planes until they are deleted, `gitserver` serves bare repositories over smart HTTP,
`warden` ends and removes everything when its owner dies, however it dies.

Contract: standard library and `cryptography` only; everything listens on 127.0.0.1; nothing is written
outside the folders that the caller names, the cache (`$FLEETHUB_CACHE`) and the temporary folder.
"""
