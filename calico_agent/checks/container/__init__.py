"""The calico/node container: its state, what speaks against a start, how its start and its supervision go."""
