"""Alembic's entry: runs on the connection that `runtime.db.migrate` hands over."""

from alembic import context
from sqlalchemy import Connection

from runtime.db.tables import metadata


def run() -> None:
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


run()
