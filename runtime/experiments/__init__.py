"""Experiments: building, rolling out, stopping."""
