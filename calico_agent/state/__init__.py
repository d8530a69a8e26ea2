"""Files of the agent's own: what is remembered over a restart."""
