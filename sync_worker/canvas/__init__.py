"""All that knows Canvas: pure modules that decipher, and an edge that talks."""
