"""Commands: parse, call a flow, print its value, turn errors into exit codes."""
