"""Tests of the bundle for a report of trouble."""
