"""The room that tells: what every target is like, in memory, as status, and as Events. It decides nothing.

`board` owns the last Outcome, Recorded and Reach of everything; `summary` folds them, purely, into the status
of an Application or a Cluster, with `conditions` (the shape of kstatus) and `standing` (one target's words);
`trace` says, purely, why a change is not live: from the facts in `stages`, with `arrival` for one target, the words of
`steps` and `advice`, and times from the Board's `since`;
`status` owns the writing of that status; `happenings` says, purely, what of a change deserves an Event, and
`events` writes those.

Contract: `summary`, `conditions`, `standing`, `happenings` and `trace` are pure and take the time as an argument.
Nothing here can hold a value of a manifest or a Secret: faults come with words fit for a condition.
"""
