"""What runs for long: the scheduler, its web page with health and metrics, and who is told how runs went."""
