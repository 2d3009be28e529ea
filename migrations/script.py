"""How a revision runs its SQL file."""

from importlib.resources import files
from typing import cast

from alembic import op
from sqlalchemy.engine import AdaptedConnection


def run(name: str) -> None:
    """A script of many statements needs the driver's simple protocol; a prepared statement takes only one."""
    script = files("migrations").joinpath(f"versions/{name}.sql").read_text(encoding="utf-8")
    adapted = cast("AdaptedConnection", op.get_bind().connection.dbapi_connection)
    adapted.run_async(lambda driver: driver.execute(script))
