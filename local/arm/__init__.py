"""Judges the resources of infra/ by Microsoft's own models: `make scan` runs it.

    python -m local.arm

Names of properties, nested ones too, must exist in the API version that the template names, words
of an enumeration must be among its words, what is read-only must not be set, what is required must
be, plain values must have the right type and fit their bounds, and what an expression asks of a
resource must be among what it answers. What is computed is believed. To prove itself it then
misspells each property and each word in turn, and fails when one of them goes by unnoticed.
"""
