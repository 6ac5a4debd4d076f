"""A PostgreSQL of our own: server binaries out of a wheel, under a supervisor."""
