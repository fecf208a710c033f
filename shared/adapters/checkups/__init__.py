"""How each thing outside is asked whether it is well; each answers a sentence or raises Unwell."""
