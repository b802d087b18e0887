"""Tests of fleet/report."""
