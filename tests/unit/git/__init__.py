"""Tests of `fleet.git` on local repositories, without a server."""
