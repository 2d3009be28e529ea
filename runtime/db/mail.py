"""The tables of e-mail: letters, mail that came in, how far mailboxes were read, held decisions and used links."""

from sqlalchemy import ARRAY, BigInteger, Column, LargeBinary, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from runtime.db.columns import Moment, metadata

letters = Table(
    "letters",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("org_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject_kind", Text, nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("gate_id", Uuid),
    Column("recipient", Text, nullable=False),
    Column("dedupe", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("answers", Text),
    Column("title", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("evidence_hash", Text),
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),
    Column("created_at", Moment, nullable=False, server_default=text("now()")),
    Column("sent_at", Moment),
    Column("refused_at", Moment),
    Column("refused_why", Text),
)

inbound_mail = Table(
    "inbound_mail",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("org_id", Uuid, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("way", Text, nullable=False),
    Column("raw", LargeBinary),
    Column("envelope_from", Text, nullable=False, server_default=text("''")),
    Column("envelope_to", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("received_at", Moment, nullable=False, server_default=text("now()")),
    Column("attempts", BigInteger, nullable=False, server_default=text("0")),
    Column("lease_until", Moment),
    Column("gate_id", Uuid),
    Column("letter_id", Uuid),
    Column("sender", Text),
    Column("action", Text),
    Column("decision", Text),
    Column("reasons", JSONB, nullable=False, server_default=text("'[]'")),
    Column("proposal", JSONB),
    Column("handled_at", Moment),
    Column("ended", Text),
    Column("ended_at", Moment),
)

mail_cursors = Table(
    "mail_cursors",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("mailbox", Text, primary_key=True),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("last_uid", BigInteger, nullable=False),
    Column("read_at", Moment, nullable=False, server_default=text("now()")),
)

gate_holds = Table(
    "gate_holds",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("org_id", Uuid, nullable=False),
    Column("gate_id", Uuid, nullable=False),
    Column("member", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("decision", JSONB, nullable=False),
    Column("evidence_hash", Text, nullable=False),
    Column("created_at", Moment, nullable=False, server_default=text("now()")),
    Column("until", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("ended", Text),
    Column("why", Text),
    Column("letter_id", Uuid),
)

link_uses = Table(
    "link_uses",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("gate_id", Uuid, nullable=False),
    Column("member", Text, nullable=False),
    Column("used_at", Moment, nullable=False, server_default=text("now()")),
)
