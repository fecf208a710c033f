"""The report: what is counted, how it reads, and when it is due."""
