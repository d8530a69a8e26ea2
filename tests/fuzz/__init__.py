"""Bytes from outside, guided by the coverage of what reads them: `make fuzz`."""
