"""How long a test gives to what must end by itself.

A test that something ends is no measurement: the bound lies far above the deadline under test, so that a busy machine
fails nothing, and far below for ever. Speed is measured by `make bench`.
"""

PATIENCE = 20.0
"""Seconds."""
