"""Measurement: reading signals, storing them, judging them, following what they say."""
