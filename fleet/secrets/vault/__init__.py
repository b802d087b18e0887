"""Vault and OpenBao: one login a role, one metadata read a path and interval, data only when the version moved.

Clear text is returned and never kept. Errors are chosen words: neither a value nor a server's answer.
"""
