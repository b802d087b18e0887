"""Sealing: ``fleethub seal``, ``reseal`` and ``seal-key``."""
