"""Data only: every metric, every source, the rules a new target starts with."""
