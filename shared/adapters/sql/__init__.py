"""The database by SQL: connections, a visit's figures, inspections, and who blocks whom."""
