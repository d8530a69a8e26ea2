"""What an administrator asks for, in the plan: a pause, a restart, and that something be forgotten."""
