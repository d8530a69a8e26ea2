"""Taking over what somebody else runs."""
