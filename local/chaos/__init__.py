"""The crash walk: whatever ends, is lost or comes thrice, every follower hears the whole story."""
