"""How a live object fares: a table from kind to function. Pure: no I/O, no clock.

Contract: ``assess`` takes an object as JSON and never raises for what it holds. Where a kind has a row,
states are those of Argo CD's health assessment, else those of kstatus (``cli-utils`` pkg/kstatus). A message
is in our own words: conditions' texts may quote the object. The worst wins.
"""
