"""HTTP only: envelopes, statuses, headers. What the answers mean is decided in the services."""
