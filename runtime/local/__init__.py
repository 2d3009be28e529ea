"""Zero-config start: the embedded Postgres and queue server under DATA_DIR, on loopback only."""
