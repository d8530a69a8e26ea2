"""The catalogue, by what is broken."""
