"""What a fault is: its code, its text, and which fault explains which. Pure."""
