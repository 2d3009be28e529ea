"""Integrations: what the world outside must be able to do, and one file for each thing that does it."""
