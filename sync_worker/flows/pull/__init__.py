"""Canvas to the mirror: `run`, `backfill`, `pending accept`; what a run is, and what it may conclude."""
