"""Recorded experiments replayed through the engine: what each rule would have called, when, and how often wrongly."""
