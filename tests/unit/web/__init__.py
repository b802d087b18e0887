"""Tests of fleet/web."""
