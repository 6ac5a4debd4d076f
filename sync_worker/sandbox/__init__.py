"""A simulated Canvas with the real rules, for the demo, for trying things, for every test."""
