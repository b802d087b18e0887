"""The forms in which a Secret stands in Git, one a file: how each reads."""
