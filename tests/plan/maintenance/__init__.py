"""Tests of plan.maintenance."""
