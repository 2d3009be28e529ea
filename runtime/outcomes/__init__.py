"""Outcomes: applying outcome.yaml, starting and ending."""
