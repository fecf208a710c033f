"""The answerers: real protocols of Azure and of the CRM's surroundings over one world."""
