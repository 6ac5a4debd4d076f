"""What a flow waits for: a database that is away, a Canvas in trouble with everybody."""
