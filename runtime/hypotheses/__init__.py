"""Hypotheses: proposing a portfolio of falsifiable experiments."""
