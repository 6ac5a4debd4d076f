"""Flows that only look: status, vital signs, reports, the page, `export`."""
