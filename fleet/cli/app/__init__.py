"""``fleethub app``: a verb a file; `group` is the table, `columns` the words that several verbs print."""
