"""What to do about what was measured: a function for each recommendation, and what was said."""
