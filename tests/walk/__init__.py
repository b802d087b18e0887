"""A random walk: seeded steps on real servers, each followed by a comparison with a model of the rules."""
