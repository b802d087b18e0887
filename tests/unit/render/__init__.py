"""Tests of `fleet.render` on repositories in memory."""
