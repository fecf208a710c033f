"""KQL checked by Microsoft's own language service, without Azure."""
