"""The sentences of the program: pull, settle, read back."""
