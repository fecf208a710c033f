"""An Azure on the desk: answerers that speak the real protocols over one world, on loopback."""
