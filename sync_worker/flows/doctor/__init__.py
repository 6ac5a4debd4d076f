"""What could keep this program from doing its work, found out by looking: nothing is written, here or at Canvas."""
