"""Every setting once: its name, its default, one sentence about it."""

from functools import cached_property
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from the environment and from `.env` in the working directory; names are the upper-case field names."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, ignored_types=(cached_property,))

    # Where things are
    data_dir: Path = Field(
        Path(".outcome-runtime"),
        description="Directory of everything local: embedded servers' data, logs, generated keys.",
    )
    host: str = Field(
        "127.0.0.1", description="Address the web server listens on; loopback unless a proxy stands in front."
    )
    port: int = Field(8700, ge=0, le=65535, description="Port of the web server (Slack events, REST, MCP, gate pages).")
    app_url: str | None = Field(
        None, description="Public address people and agents reach us by; default http://HOST:PORT."
    )

    # Stores
    database_url: SecretStr | None = Field(
        None, description="Postgres 16+ with pgvector, postgresql://...; without it the embedded one is started."
    )
    migration_database_url: SecretStr | None = Field(
        None, description="The same database as the tables' owner, for migrations; default DATABASE_URL."
    )
    redis_url: SecretStr | None = Field(
        None, description="Redis-compatible server, redis://...; without it the embedded one is started."
    )
    postgres_port: int = Field(
        0, ge=0, le=65535, description="Port of the embedded Postgres; 0 picks a free one and keeps it."
    )
    redis_embedded_port: int = Field(
        0, ge=0, le=65535, description="Port of the embedded queue server; 0 picks a free one and keeps it."
    )

    # Secrets
    api_secret: SecretStr | None = Field(
        None, description="Signs sessions, links and reply tokens; generated under DATA_DIR when absent."
    )
    encryption_keys: SecretStr | None = Field(
        None,
        description="kid:base64(32 bytes), comma-separated, the first one writes; generated under DATA_DIR when absent.",
    )
    encryption_key: SecretStr | None = Field(
        None, description="One 32-byte key in base64, the short form of ENCRYPTION_KEYS."
    )

    # Who and which organisation
    org: str = Field(
        "local", description="Slug of the organisation this process serves when none is named by the request."
    )
    owner_email: str = Field(
        "owner@localhost", description="E-mail address of the first owner, made at the first start."
    )
    owner_name: str = Field("Owner", description="Name of the first owner.")
    locale: str = Field("en", description="How numbers are written in messages and on charts: en, de, fr-CH, …")

    # Language models
    anthropic_api_key: SecretStr | None = Field(
        None, description="Anthropic key; with it (or OPENAI_API_KEY) portfolios are proposed by a language model."
    )
    anthropic_base_url: str = Field(
        "https://api.anthropic.com", description="Address of the Anthropic API or a gateway that speaks it."
    )
    openai_api_key: SecretStr | None = Field(None, description="OpenAI key.")
    openai_base_url: str = Field(
        "https://api.openai.com/v1", description="Address of the OpenAI API or a gateway that speaks it."
    )
    llm_timeout_seconds: float = Field(120, gt=0, description="Longest wait for one answer of a language model.")
    llm_retry_seconds: float = Field(
        2, ge=0, description="First pause before an LLM call is tried again; it doubles each time, three tries in all."
    )

    # Slack
    slack_bot_token: SecretStr | None = Field(
        None, description="Bot token (xoxb-...); without it the sandbox workspace is used."
    )
    slack_signing_secret: SecretStr | None = Field(None, description="Signing secret of the Slack app.")
    slack_app_token: SecretStr | None = Field(
        None, description="App-level token (xapp-...): Socket Mode, when there is no public address."
    )
    slack_base_url: str = Field(
        "https://slack.com/api/", description="Slack's Web API; the sandbox workspace puts its own address here."
    )
    slack_client_id: str | None = Field(
        None, description="Client ID of the Slack app; with it workspaces install the app at /slack/install."
    )
    slack_client_secret: SecretStr | None = Field(
        None, description="Client Secret of the Slack app, needed beside SLACK_CLIENT_ID."
    )
    slack_default_channel: str = Field(
        "#outcome-runtime", description="Channel for gates whose outcome.yaml names none."
    )
    sandbox_port: int = Field(8701, ge=0, le=65535, description="Port of the sandbox workspace's page.")
    sandbox_people: str = Field(
        "Owner <owner@localhost>",
        description="People of the sandbox workspace, `Name <address>; Name <address>`; the first one is whom the page starts as.",
    )

    # E-mail
    smtp_url: SecretStr | None = Field(
        None,
        description="Where letters are handed over: smtp://user:password@host:587, smtps://…, or a provider (postmark://, sendgrid://, mailgun://, resend://); without it they go to the sandbox's mailbox.",
    )
    imap_url: SecretStr | None = Field(
        None, description="Mailbox that replies arrive in: imaps://user:password@host/INBOX, or imap:// with STARTTLS."
    )
    mail_from: str = Field("outcomes@localhost", description="From address of letters, with or without a name.")
    mail_reply_to: str = Field(
        "", description="Address that replies go to; `+gate.token` is put before its @. Without it MAIL_FROM's address."
    )
    mail_authserv_id: str = Field(
        "",
        description="Name by which the receiving mail server signs its Authentication-Results header; only its verdict is believed.",
    )
    mail_dkim_key: SecretStr | None = Field(
        None, description="Private key (PEM, or the path of a file) that signs letters with DKIM."
    )
    mail_dkim_selector: str = Field(
        "outcome", description="Selector under which the public DKIM key stands in the DNS."
    )
    mail_listen: str = Field(
        "",
        description="host:port of an own SMTP listener for replies, behind the organisation's mail server; empty for none.",
    )
    mail_tls_cert: str = Field(
        "",
        description="Path of the listener's certificate chain (PEM); with it and MAIL_TLS_KEY, letters are taken after STARTTLS only.",
    )
    mail_tls_key: str = Field("", description="Path of the private key (PEM, without a password) of MAIL_TLS_CERT.")
    mail_inbound_secrets: SecretStr | None = Field(
        None,
        description="Secrets of the providers' webhooks, `postmark=user:password,mailgun=signing key,sendgrid=public key,ses=topic ARN`, and `provider-events=` where delivery events have one of their own; a provider without one is refused.",
    )
    mail_undo_seconds: float = Field(
        120,
        ge=0,
        description="Seconds in which the author of a decision by letter or page can take it back; nothing starts before.",
    )
    mail_days: int = Field(
        90,
        ge=0,
        le=36_500,
        description="Days the text of letters is kept, of those that came in and of those sent; who said what stays. 0 for ever.",
    )

    # Coding agents
    agent_url: str | None = Field(
        None, description="Where builds are sent (signed POST); without it agents fetch them over MCP."
    )
    agent_secret: SecretStr | None = Field(None, description="Secret (whsec_...) that signs what is sent to AGENT_URL.")
    build_deadline_hours: float = Field(
        24, gt=0, description="After so many hours without a report a build counts as failed."
    )

    allow_private_hosts: str = Field(
        "",
        description="Hosts on private or loopback addresses that connectors, flag services and agents may be reached at, comma-separated.",
    )

    # Rhythm
    workers: int = Field(2, ge=1, le=64, description="Worker processes that `up` starts.")
    worker_threads: int = Field(4, ge=1, le=64, description="Threads of each worker process.")
    measure_every_seconds: float = Field(
        300, gt=0, description="Seconds between two measurements of a running experiment."
    )
    level_every_seconds: float = Field(
        3600, gt=0, description="Seconds between two readings of an outcome's level for everybody."
    )
    clock_tick_seconds: float = Field(
        1, gt=0, description="Seconds between two looks for what is due, when nothing wakes the clock earlier."
    )
    progress_every_seconds: float = Field(
        21_600,
        gt=0,
        description="Seconds between two updates of a running experiment's message when nothing notable happens.",
    )
    notice_grace_hours: float = Field(
        24, ge=0, description="Hours of data time before an experiment is called better or worse anywhere."
    )
    notice_minimum_units: int = Field(
        100, ge=0, description="Units each variant must have before an experiment is called better or worse anywhere."
    )
    quiet_hours: str = Field(
        "",
        pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$",
        description="Hours such as 20:00-08:00, in the reader's zone, in which only guardrail kills and gates' last reminders are said.",
    )
    digest_at: str = Field(
        "09:00",
        pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d$",
        description="Time of day, in the reader's zone, of the daily digest to owners and channels; empty for none.",
    )
    signal_silence_hours: float = Field(
        24,
        gt=0,
        description="Hours without an answer from a signal, or without anything new in its answers, before its experiment is paused and a person asked.",
    )

    reread_days: float = Field(
        2,
        ge=0,
        description="Days of data time before the newest data that every measurement reads again, for data that come late.",
    )

    # Ingestion
    ingest_backlog_rows: int = Field(
        1_000_000,
        ge=1,
        description="Accepted rows of an organisation that may wait to be folded; beyond it senders get 429.",
    )
    ingest_in_flight_mb: int = Field(
        64, ge=1, description="Megabytes of posted messages a web process holds at once; beyond it senders get 429."
    )
    ingest_in_flight_requests: int = Field(
        64, ge=1, description="Posted messages a web process holds at once; beyond it senders get 429."
    )
    raw_rows_days: int = Field(
        90, ge=1, description="Days raw rows of finished experiments are kept; an organisation may have its own number."
    )

    @cached_property
    def public_url(self) -> str:
        return (self.app_url or f"http://{self.host}:{self.port}").rstrip("/")


def secret(value: SecretStr | None) -> str | None:
    """The bare text of a secret; call it where the secret is used, never where it is logged."""
    return value.get_secret_value() if value else None
