"""Azure SQL on the desk: the wire (TDS), and a database of the world's rows behind it."""
