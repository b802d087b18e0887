"""``fleethub secrets``: what the hub makes Secrets of, and which version."""
