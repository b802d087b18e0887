"""The work and figures of docs/performance.md: floor and fleethub in one run."""
