"""What a fault is: one declaration for each code, and the joining of findings to problems. Pure.

A fault names the faults that explain it as symbols. So each module imports those of its causes, never those of its
effects: names come before addresses, these before the container, BIRD, its sessions and, at last, the routes.
"""
