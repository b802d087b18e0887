"""``fleethub cluster``: a verb a file; `group` is the table, `secrets` the registration Secret's shape."""
