"""The library of fleethub: everything but the process around kopf.

Layers, from the top: cli, web, hub, world and report, worker, the stages (placement, projects, render,
secrets, sync, clusters, git), ownership and health, kube, api, and the rooms that know nothing of the others.
A layer imports only from the ones below it; import-linter holds that.
"""
