"""The gateway over the providers that have a key, and the table its usage is written to."""

from typing import TYPE_CHECKING

from sqlalchemy import insert

from runtime.db.tables import llm_calls
from runtime.llm.contracts import ProviderConfig, Usage
from runtime.llm.gateway import Gateway
from runtime.settings import secret

if TYPE_CHECKING:
    from runtime.core import Runtime


def configured_gateway(runtime: "Runtime") -> Gateway | None:
    """None without any key: whoever asks then goes the way that needs none."""
    s = runtime.settings
    known = (("anthropic", s.anthropic_api_key, s.anthropic_base_url), ("openai", s.openai_api_key, s.openai_base_url))
    configs = [
        ProviderConfig(provider=name, api_key=secret(key), base_url=url, timeout_seconds=s.llm_timeout_seconds)
        for name, key, url in known
        if key
    ]
    return Gateway(configs, UsageRows(runtime), retry_seconds=s.llm_retry_seconds) if configs else None


class UsageRows:
    """Where the gateway's usage is written: one row an attempt."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime

    async def record(self, usage: Usage) -> None:
        async with self._runtime.transaction(usage.org_id) as tx:
            await tx.run(
                insert(llm_calls).values(
                    org_id=usage.org_id, purpose=usage.purpose, provider=usage.provider, model=usage.model, auth_mode=usage.auth_mode,
                    input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, latency_ms=usage.latency_ms, attempts=usage.attempt,
                    outcome=usage.outcome,
                )
            )  # fmt: skip
