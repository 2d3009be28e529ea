"""The database keeps the walls between organisations, the journal's chain, and what the tables promise."""

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from runtime.core import Runtime
from runtime.db import revision
from runtime.db.engine import open_engine, transaction
from runtime.db.migrate import current, head, migrate, revisions
from runtime.db.tables import journal, members, metadata, orgs
from runtime.identity.people import SYSTEM
from runtime.journal import Event, record
from runtime.local.databases import create_database, drop_database
from runtime.local.postgres import LocalPostgres


async def another_org(runtime: Runtime) -> UUID:
    other = uuid4()
    async with runtime.transaction(other) as tx:
        await tx.run(insert(orgs).values(id=other, name="Other", slug=f"other-{other}"))
        await tx.run(insert(members).values(org_id=other, name="Eve", email="eve@other.example", role="owner"))
        await record(tx, Event("org.created", "org", other), by=SYSTEM)
    return other


async def test_an_organisation_sees_only_its_own_rows(runtime: Runtime, org_id: UUID) -> None:
    other = await another_org(runtime)
    async with runtime.transaction(org_id) as tx:
        assert [row["email"] for row in await tx.all(select(members))] == ["arun@example.com"]
        assert await tx.all(select(orgs).where(orgs.c.id == other)) == []
    async with runtime.transaction(other) as tx:
        assert [row["email"] for row in await tx.all(select(members))] == ["eve@other.example"]


async def test_without_an_organisation_nothing_is_seen_at_all(runtime: Runtime, org_id: UUID) -> None:
    async with runtime.engine.connect() as conn:
        for table in metadata.sorted_tables:
            assert (await conn.execute(select(text("count(*)")).select_from(table))).scalar() == 0, table.name


async def test_a_row_cannot_be_written_into_another_organisation(runtime: Runtime, org_id: UUID) -> None:
    other = await another_org(runtime)
    with pytest.raises(DBAPIError, match="row-level security"):
        async with runtime.transaction(org_id) as tx:
            await tx.run(insert(members).values(org_id=other, name="Mallory", email="m@example.com"))


async def test_every_table_has_row_level_security_and_a_policy(runtime: Runtime, org_id: UUID) -> None:
    """But for the months of raw rows, of which tests/service/ingestion/test_copying_rows.py tells what stands in its place."""
    statement = text(
        "select c.relname, c.relrowsecurity, (select count(*) from pg_policy p where p.polrelid = c.oid) as policies, c.relispartition, "
        "exists (select from pg_inherits i where i.inhrelid = c.oid and i.inhparent = 'ingested_rows'::regclass) as raw "
        "from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where n.nspname = 'public' and c.relkind in ('r', 'p') and c.relname <> 'alembic_version'"
    )
    async with runtime.engine.connect() as conn:
        for name, secured, policies, partition, raw in await conn.execute(statement):
            assert secured or (raw and name != "ingested_rows_default"), f"{name} has no row-level security"
            assert policies or partition, f"{name} has no policy"


@pytest.mark.parametrize(
    "attempt",
    [
        "set role outcome",
        "alter table members disable row level security",
        "drop policy tenant on members",
        "create table escape (id int)",
        "alter role outcome_app bypassrls",
        "select * from signal_measurements_default",
    ],
)
async def test_the_application_role_cannot_get_out_of_its_walls(runtime: Runtime, org_id: UUID, attempt: str) -> None:
    with pytest.raises(DBAPIError, match=r"permission denied|must be owner|must be able to SET ROLE|Only roles"):
        async with runtime.engine.begin() as conn:
            await conn.execute(text(attempt))


@pytest.mark.parametrize("attempt", ["update journal set actor = 'nobody'", "delete from journal", "truncate journal"])
async def test_nobody_rewrites_the_journal_not_even_its_owner(
    runtime: Runtime, org_id: UUID, postgres: LocalPostgres, database: str, attempt: str
) -> None:
    for url, role in ((postgres.url(database, "outcome_app"), "outcome_app"), (postgres.url(database), None)):
        engine = open_engine(url, role=role)
        with pytest.raises(DBAPIError, match=r"append-only|permission denied"):
            async with transaction(engine, org_id) as tx:
                await tx.run(text(attempt))
        await engine.dispose()


async def test_a_forged_journal_entry_breaks_the_chain(
    runtime: Runtime, org_id: UUID, postgres: LocalPostgres, database: str
) -> None:
    for number in range(3):
        async with runtime.transaction(org_id) as tx:
            await record(tx, Event("test.happened", "test", None, {"number": number, "text": "ä|\n"}), by=SYSTEM)
    async with runtime.transaction(org_id) as tx:
        assert await tx.value(text("select journal_broken_at()")) is None
    owner = open_engine(postgres.url(database), role=None)
    async with owner.begin() as conn:
        await conn.execute(text("alter table journal disable trigger journal_append_only"))
        await conn.execute(text("update journal set payload = '{\"number\": 9}' where seq = 3"))
    await owner.dispose()
    async with runtime.transaction(org_id) as tx:
        assert await tx.value(text("select journal_broken_at()")) == 3


async def test_many_writers_at_once_keep_one_chain(runtime: Runtime, org_id: UUID) -> None:
    async def write(number: int) -> None:
        async with runtime.transaction(org_id) as tx:
            await record(tx, Event("test.raced", "test", None, {"number": number}), by=SYSTEM)

    await asyncio.gather(*(write(number) for number in range(20)))
    async with runtime.transaction(org_id) as tx:
        rows = await tx.all(select(journal.c.seq).order_by(journal.c.seq))
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        assert await tx.value(text("select journal_broken_at()")) is None


async def test_the_tables_in_code_are_the_tables_in_the_database(runtime: Runtime, org_id: UUID) -> None:
    statement = text(
        "select table_name, column_name, is_nullable from information_schema.columns where table_schema = 'public'"
    )
    async with runtime.engine.connect() as conn:
        found = {(row.table_name, row.column_name): row.is_nullable == "YES" for row in await conn.execute(statement)}
    for table in metadata.sorted_tables:
        for column in table.columns:
            assert (table.name, column.name) in found, f"{table.name}.{column.name} is not in the database"
        missing = {name for place, name in found if place == table.name} - set(table.columns.keys())
        assert not missing, f"{table.name} lacks {missing} in code"


SPECIFIED = {
    "outcomes": "id slug title description status primary_signal secondary_signals target constraints max_concurrent_experiments horizon deadline "
    "owner team_members org_id workspace_id created_at updated_at activated_at achieved_at",
    "experiments": "id outcome_id title hypothesis mechanism prediction intervention measurement_plan rollout_plan baseline_value "
    "baseline_captured_at generated_by agent_id agent_runtime feature_flag_key status current_result final_result learnings org_id created_at "
    "updated_at launched_at concluded_at",
    "signal_measurements": "time outcome_id experiment_id signal_name variant value sample_size segment source raw_response org_id total total_sq "
    "total_x total_x_sq total_xy",
    "human_gates": "id experiment_id outcome_id gate_type context_package question signal_snapshot options assigned_to escalation_chain sla_hours "
    "status conditions response_note decided_by notification_sent_at reminder_sent_at created_at responded_at org_id",
    "learnings": "id experiment_id outcome_id finding finding_type signal_evidence confidence applies_to embedding org_id created_at",
    "orgs": "id name slug plan created_at",
    "workspaces": "id org_id name outcome_yaml_path created_at",
    "llm_provider_configs": "id org_id provider auth_mode encrypted_api_key key_hint oauth_access_token oauth_refresh_token oauth_expires_at "
    "oauth_scopes account_email preferred_model fallback_model is_active created_at updated_at",
}


@pytest.mark.parametrize("name", SPECIFIED)
def test_every_column_of_the_specification_is_there(name: str) -> None:
    assert set(SPECIFIED[name].split()) <= set(metadata.tables[name].columns.keys())


async def test_migrating_goes_up_from_empty_and_from_each_earlier_revision_with_data_in_place(
    postgres: LocalPostgres,
) -> None:
    for start in ["base", *revisions()]:
        name = f"migrating_{start}"
        url = create_database(postgres, name)
        if start != "base":
            await migrate(url, to=start)
            engine = open_engine(url, role=None)
            async with engine.begin() as conn:
                org = (
                    await conn.execute(text("insert into orgs (name, slug) values ('Kept', 'kept') returning id"))
                ).scalar_one()
                await conn.execute(
                    text("insert into members (org_id, name, email) values (:org, 'Ana', 'ana@example.com')"),
                    {"org": org},
                )
            await engine.dispose()
        await migrate(url)
        await migrate(url)  # a second start finds nothing to do
        assert await current(url) == head()
        if start != "base":
            engine = open_engine(url, role=None)
            async with engine.connect() as conn:
                assert (await conn.execute(text("select email from members"))).scalars().all() == ["ana@example.com"]
            await engine.dispose()
        drop_database(postgres, name)


async def test_the_quick_look_at_the_revision_agrees_with_alembic(postgres: LocalPostgres, template: str) -> None:
    assert revision.newest() == head()
    assert await revision.present(postgres.url(template)) == head()
    assert await revision.present(create_database(postgres, "never_migrated")) is None
    drop_database(postgres, "never_migrated")


async def test_two_starts_at_once_migrate_once(postgres: LocalPostgres) -> None:
    url = create_database(postgres, "migrating_twice")
    await asyncio.gather(migrate(url), migrate(url))
    assert await current(url) == head()
    drop_database(postgres, "migrating_twice")
