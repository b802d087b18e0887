"""``fleethub vault``: what a Project may have of Vault."""
