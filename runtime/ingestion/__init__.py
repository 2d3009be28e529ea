"""The ingestion door's work: rows and sums that are posted to us, checked, kept once, and folded into sums."""
