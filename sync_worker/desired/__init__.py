"""The desired state: document, diff, plan, guards and renderers. Pure."""
