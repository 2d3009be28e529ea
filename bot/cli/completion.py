"""Filling the gaps of the settings from this machine: embedded servers' addresses, generated secrets."""

from pydantic import SecretStr

from runtime.local.secrets import LocalSecrets
from runtime.local.servers import Servers
from runtime.settings import Settings, secret


def complete(settings: Settings, servers: Servers, secrets: LocalSecrets) -> Settings:
    """The settings with every gap filled."""
    given_keys = secret(settings.encryption_keys)
    one_key = secret(settings.encryption_key)
    keys = given_keys or (f"main:{one_key}" if one_key else secrets.encryption_keys)
    return settings.model_copy(
        update={
            "database_url": SecretStr(servers.database_url),
            "migration_database_url": SecretStr(servers.migration_database_url),
            "redis_url": SecretStr(servers.redis_url),
            "encryption_keys": SecretStr(keys),
            "api_secret": settings.api_secret or SecretStr(secrets.api_secret),
            "agent_secret": settings.agent_secret or SecretStr(secrets.agent_secret),
        }
    )
