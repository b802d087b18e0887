"""A repository by environment: what is declared in ``environments.yaml``, and what lies in its folders.

Contract: `declared` and `applications` are pure; `repository` runs the user's own git on the user's own clone and never
touches its working tree; `running` asks the hub. Verbs above them: ``fleethub env`` here, ``fleethub promote`` beside.
"""
