"""Which way figures go, when they reach a limit, and when people are there."""
