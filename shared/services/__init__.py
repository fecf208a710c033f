"""Use cases: functions over ports, with the world's `now` passed in."""
