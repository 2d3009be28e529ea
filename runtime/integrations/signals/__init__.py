"""Signal sources, one file each."""
