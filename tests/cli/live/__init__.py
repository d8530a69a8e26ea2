"""Tests of the commands for people on call."""
