"""Repositories as content: mirrors, refs, trees, differences, pushes; no Application.

Contract: `process.Git` is the only start of git in the library, through GitPython's command interface, in an
environment of its own. Nothing is ever checked out: trees and blobs come from the object store of a bare
mirror. A credential reaches git by inherited pipes and memory, never by an argument, the environment or a
file (where the system has no memory files, an SSH key lies in a file of mode 0600 while the command runs).
Errors are `SourceError`s in own words: git's are never repeated, they quote what the server said.
"""
