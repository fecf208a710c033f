"""The world that the Azure on the desk measures: one seeded scenario engine, raw events only."""
