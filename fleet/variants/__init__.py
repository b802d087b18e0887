"""What is rendered for which cluster: an Application's sources, with facts filled in and overrides applied.

Contract: pure, no clock, no I/O. Clusters whose parameters come out equal have equal variants, and so share one
render. ``variant.variant`` is the one verb; ``merge`` knows how overrides join, ``environment`` Argo CD's build
environment.
"""
