"""The tables of the conversation: what free words were taken to mean, and the workspaces the app is installed in."""

from sqlalchemy import ARRAY, Column, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from runtime.db.columns import Moment, metadata

gate_readings = Table(
    "gate_readings",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("org_id", Uuid, nullable=False),
    Column("gate_id", Uuid, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("reading", JSONB, nullable=False),
    Column("evidence_hash", Text, nullable=False),
    Column("created_at", Moment, nullable=False, server_default=text("now()")),
    Column("used_at", Moment),
    Column("via", Text, nullable=False, server_default=text("'slack'")),
    Column("expires_at", Moment),
)

slack_installations = Table(
    "slack_installations",
    metadata,
    Column("org_id", Uuid, nullable=False),
    Column("team_id", Text, primary_key=True),
    Column("enterprise_id", Text),
    Column("team_name", Text),
    Column("app_id", Text),
    Column("bot_user_id", Text),
    Column("scopes", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("sealed_bot_token", Text, nullable=False),
    Column("sealed_refresh_token", Text),
    Column("token_expires_at", Moment),
    Column("installed_by", Text),
    Column("installed_at", Moment, nullable=False, server_default=text("now()")),
    Column("revoked_at", Moment),
    Column("revoked_why", Text),
)
