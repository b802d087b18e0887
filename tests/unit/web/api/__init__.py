"""Tests of fleet/web/api."""
