"""Alembic migrations, append-only: columns are added with defaults, never dropped."""
