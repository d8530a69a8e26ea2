"""The commands for people on call: what is so now, what happened, and what to send to others."""
