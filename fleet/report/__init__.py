"""The room that tells: what every target is like, in memory, as status, and as Events. It decides nothing.

`board` owns the last Outcome, Recorded and Reach of everything; `summary` folds them, purely, into the status
of an Application or a Cluster, with `conditions` (the shape of kstatus) and `standing` (one target's words);
`status` owns the writing of that status; `happenings` says, purely, what of a change deserves an Event, and
`events` writes those.

Contract: `summary`, `conditions`, `standing` and `happenings` are pure and take the time as an argument.
Nothing here can hold a value of a manifest or a Secret: faults come with words fit for a condition.
"""
