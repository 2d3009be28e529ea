"""The ledger's tables: journal, outbox, deliveries, timers, inbound events."""

from sqlalchemy import BigInteger, Column, Identity, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from runtime.db.columns import Moment, metadata

journal = Table(
    "journal",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("at", Moment, nullable=False, server_default=text("clock_timestamp()")),
    Column("event", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("subject_kind", Text, nullable=False),
    Column("subject_id", Uuid),
    Column("payload", JSONB, nullable=False, server_default=text("'{}'")),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("batch", Uuid, nullable=False),
    Column("position", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("subject_id", Uuid),
    Column("channel", Text),
    Column("place", Text),
    Column("payload", JSONB, nullable=False, server_default=text("'{}'")),
    Column("dedupe", Text, nullable=False),
    Column("status", Text, nullable=False, server_default=text("'due'")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("available_at", Moment, nullable=False, server_default=text("clock_timestamp()")),
    Column("lease_until", Moment),
    Column("last_error", Text),
    Column("created_at", Moment, nullable=False, server_default=text("clock_timestamp()")),
    Column("done_at", Moment),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("subject_kind", Text, primary_key=True),
    Column("subject_id", Uuid, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("external_id", Text),
    Column("external_place", Text),
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),
    Column("intended_at", Moment, nullable=False, server_default=text("clock_timestamp()")),
    Column("delivered_at", Moment),
)

timers = Table(
    "timers",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("org_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("status", Text, nullable=False, server_default=text("'armed'")),
    Column("lease_until", Moment),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("fired_at", Moment),
)

inbound_events = Table(
    "inbound_events",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("digest", Text, nullable=False, server_default=text("''")),
    Column("answer", JSONB),
    Column("received_at", Moment, nullable=False, server_default=text("now()")),
    Column("sealed", Text),
    Column("lease_until", Moment),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
)
