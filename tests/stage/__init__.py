"""The stage of the tests: real control planes, real repositories, a hub in the process."""
