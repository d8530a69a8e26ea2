"""The process: the pass, the loop around it, and what it keeps open."""
