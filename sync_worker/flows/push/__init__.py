"""The desired state to Canvas: `plan`, `apply`, `undo`, and single changes by hand."""
