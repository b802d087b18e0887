"""Helm: charts rendered by the real program, ``helm template``, its inputs known beforehand.

Contract: `renderer.HelmChart` is the one renderer. `chart` lays out the chart with its dependencies, `values` the
value files, `manifests` tells which template each object came from. Helm 4; what of a release differs from
``helm install`` (no ``lookup``, no release in the cluster) differs as with ``helm template``.
"""
