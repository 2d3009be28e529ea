"""outcome.yaml: what it may say, read with every mistake placed, written back, compared field by field."""
