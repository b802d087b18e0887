"""The command line: a verb a file, loaded when it is asked for.

`main` holds the table of commands, `lazy` loads them; `options`, `errors`, `output`, `waiting` and `progress`
are what verbs share; `session`, `objects` and `live` are the client half, which speaks to the hub's API
server through `kube.client` and, for live detail, to the hub's own API.

Contract: at module level a verb imports only click, the standard library and what they share, so that help,
completion and argument errors come at once; the rest is imported inside its function. Neither kopf nor
kubernetes is imported by the client half, rich only to draw on a terminal, and nothing that exists on POSIX
alone. Exit codes: 0 done or in sync, 1 failed, 2 wrong use, 3 not yet so, 4 out of time. What was asked for
goes to stdout, everything else to stderr.
"""
