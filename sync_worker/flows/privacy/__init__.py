"""Flows over what is held on people: one person, forgetting, retention."""
