"""Real third-party clients, unmodified, against the stand-ins."""
