"""Who to walk: sources of user references, streamed and resolved to numeric ids."""
