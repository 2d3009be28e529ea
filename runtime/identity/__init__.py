"""Identity: members, keys, and who does what."""
