"""Made-up databases with one known culprit, and whether the advice names it first."""
