"""The forms in which a desired state is written: YAML, JSON, NDJSON, CSV and rows of a query. Pure; all streamed."""
