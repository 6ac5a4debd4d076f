"""The examples at the end of every command's `--help`."""


def examples(*lines: str) -> str:
    """An epilog that shows `lines` as they are, one command a line."""
    heading = "Example:" if len(lines) == 1 else "Examples:"
    return "\n".join(("\b", heading, *(f"  {line}" for line in lines)))
