"""What is wrong: observation, identity and what is expected -> findings and conditions. Pure."""
