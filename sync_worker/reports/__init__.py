"""Named queries on the mirror, to a table, CSV or JSON."""
