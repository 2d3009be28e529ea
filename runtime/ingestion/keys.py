"""Rows are kept under the experiment's flag key, which is how connectors ask for them; senders may know its id instead."""

from collections.abc import Set as AbstractSet
from uuid import UUID

from sqlalchemy import select

from runtime.db.engine import Tx
from runtime.db.tables import experiments


class Names:
    """The names of experiments in one message: each id is looked up once."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._plain: set[str] = set()
        self._keys: dict[str, str] = {}

    @property
    def renamed(self) -> bool:
        """Whether any name was an id."""
        return bool(self._keys)

    def key(self, name: str) -> str:
        return self._keys.get(name, name)

    async def learn(self, names: AbstractSet[str]) -> set[str]:
        """Look up what is new; returns the ids that no experiment of this organisation with a flag has."""
        new = {name: found for name in names - self._plain - self._keys.keys() if (found := _id(name)) is not None}
        self._plain |= names - new.keys() - self._keys.keys()
        if not new:
            return set()
        statement = select(experiments.c.id, experiments.c.feature_flag_key).where(experiments.c.id.in_(new.values()))
        keys = {row["id"]: row["feature_flag_key"] for row in await self._tx.all(statement)}
        self._keys |= {name: keys[found] for name, found in new.items() if keys.get(found)}
        return {name for name, found in new.items() if not keys.get(found)}


def _id(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None
