"""A small Azure on the desk: for tests, replays and a look around; never deployed."""
