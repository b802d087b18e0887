"""How a live object fares: a table from kind to function. Pure: no I/O, no clock.

Contract: ``assess`` takes an object as JSON and never raises for what it holds; what cannot be read is Unknown.
Words follow Argo CD's health assessment, states kstatus' where a kind has no row. The worst wins.
"""
