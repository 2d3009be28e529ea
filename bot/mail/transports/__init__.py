"""The ways letters leave, one file each."""
