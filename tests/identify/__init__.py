"""Tests of identify: tables of hosts, each case with a sentence."""
