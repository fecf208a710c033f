"""Log Analytics: telemetry, usage and conduct, by KQL."""
