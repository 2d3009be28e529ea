"""Which model answers: defaults by purpose, and today's names for models that are gone."""

from runtime.llm.contracts import ProviderConfig, ProviderSlug, Purpose

# Weighing evidence and inventing experiments deserve the strongest model; summaries do not.
_STRONG: dict[ProviderSlug, str] = {"anthropic": "claude-opus-5-5", "openai": "gpt-6.2-sol"}
_QUICK: dict[ProviderSlug, str] = {"anthropic": "claude-sonnet-5-5", "openai": "gpt-6.1-terra"}
_STRONG_PURPOSES: frozenset[Purpose] = frozenset({"hypothesis_generation", "hypothesis_scoring", "decision_synthesis"})

ALIASES: dict[str, str] = {
    "claude-opus-4": "claude-opus-5-5",
    "claude-opus-4-0": "claude-opus-5-5",
    "claude-sonnet-4": "claude-sonnet-5-5",
    "claude-sonnet-4-0": "claude-sonnet-5-5",
    "claude-sonnet-4-5": "claude-sonnet-5-5",
    "gpt-4o": "gpt-6.2-sol",
    "gpt-4o-mini": "gpt-6-luna",
    "o1": "gpt-6.2-sol",
    "o3-mini": "gpt-6.1-terra",
}


def resolve(name: str) -> str:
    """The living model behind a name; names that are not in the table pass through untouched."""
    return ALIASES.get(name, name)


def choose(config: ProviderConfig, purpose: Purpose, override: str | None) -> str:
    """The override, else the provider's preferred model, else the default for the purpose."""
    default = (_STRONG if purpose in _STRONG_PURPOSES else _QUICK)[config.provider]
    return resolve(override or config.preferred_model or default)
