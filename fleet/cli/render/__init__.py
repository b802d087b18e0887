"""``fleethub render``: what would be applied, before anything is committed and without a hub.

Contract: by the very stages that the hub goes by. A folder stands for the repository that it is a clone of; every other
repository and chart is fetched, without credentials.
"""
