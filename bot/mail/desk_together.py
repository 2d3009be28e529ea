"""A runtime whose every transaction is the one that is open: what one letter causes is committed together, or not at all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from uuid import UUID

from runtime.core import Runtime
from runtime.db.engine import Tx
from runtime.errors import NotAllowed


@dataclass(slots=True)
class Together(Runtime):
    """Services open their transaction as a savepoint of `tx`: an error they raise takes back what they wrote, and nothing else."""

    tx: Tx | None = None

    @classmethod
    def of(cls, runtime: Runtime, tx: Tx) -> "Together":
        return cls(**{field.name: getattr(runtime, field.name) for field in fields(Runtime)}, tx=tx)

    @asynccontextmanager
    async def transaction(self, org_id: UUID, *, lasting: bool = True) -> AsyncIterator[Tx]:
        """Lasts as long as the one that is open, whatever is asked."""
        if self.tx is None or self.tx.org_id != org_id:
            raise NotAllowed("One transaction sees one organisation only.")
        async with self.tx.conn.begin_nested():
            yield self.tx
