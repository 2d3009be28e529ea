"""Feature-flag services, one file each."""
