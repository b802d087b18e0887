"""``fleethub project``: Projects as they stand, and what they let an Application do."""
