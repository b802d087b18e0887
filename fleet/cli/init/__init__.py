"""``fleethub init``: a repository by environment, to begin with. `files` makes its content, purely; `command` writes it."""
