"""``python -m fleet.cli``."""

from fleet.cli.main import run

if __name__ == "__main__":
    run()
