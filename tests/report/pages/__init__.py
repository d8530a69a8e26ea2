"""Tests of report.pages."""
