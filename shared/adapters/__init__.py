"""Everything that talks to the outside, one file per outside thing, and the in-memory twins."""
