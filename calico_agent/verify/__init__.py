"""What an observation means: findings, conditions, root causes. Pure."""
