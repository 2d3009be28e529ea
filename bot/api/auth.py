"""Who is calling: a bearer key, or a Standard-Webhooks signature made with an ingest key's secret."""

from contextlib import suppress
from uuid import UUID

from aiohttp import web

from runtime.core import Runtime
from runtime.errors import NotAllowed, NotAuthenticated
from runtime.identity import keys
from runtime.identity.keys import Caller
from runtime.integrations.webhooks import verify

RUNTIME: web.AppKey[Runtime] = web.AppKey("runtime", Runtime)
_BEARER = "Bearer "


async def caller(request: web.Request, *kinds: str) -> Caller:
    """The caller behind the Authorization header, if their key is of one of the kinds."""
    header = request.headers.get("Authorization", "")
    if not header.startswith(_BEARER):
        raise NotAuthenticated
    runtime = request.app[RUNTIME]
    found = await keys.authenticate(runtime, header.removeprefix(_BEARER).strip(), now=runtime.now())
    if kinds and found.kind not in kinds:
        raise NotAllowed(f"A key of kind '{found.kind}' cannot do this; needed: {' or '.join(kinds)}.")
    return found


async def sender(request: web.Request, body: bytes) -> Caller:
    """Whoever signed the body: `webhook-key` names the key, else every ingest key of this organisation is tried; or a bearer."""
    if "webhook-signature" not in request.headers:
        return await caller(request, "ingest")
    runtime = request.app[RUNTIME]
    named = request.headers.get("webhook-key")
    candidates = [await _named(runtime, named)] if named else await keys.signing_secrets(runtime, await runtime.home())
    for found, secret in candidates:
        with suppress(NotAuthenticated):
            verify(secret, request.headers, body, runtime.now())
            return found
    raise NotAuthenticated


async def _named(runtime: Runtime, key_id: str) -> tuple[Caller, str]:
    try:
        wanted = UUID(key_id)
    except ValueError as error:
        raise NotAuthenticated from error
    return await keys.signing_secret(runtime, wanted, now=runtime.now())


def only_own(found: Caller, experiment_id: UUID) -> None:
    """A key made for one build opens nothing else."""
    if found.experiment_id is not None and found.experiment_id != experiment_id:
        raise NotAllowed("This key was made for another experiment.", experiment_id=experiment_id)
