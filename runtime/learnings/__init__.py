"""Learnings: what experiments taught, found by meaning."""
