"""The way out over HTTP, against real servers on loopback: what is retried, refused, cut off and kept secret."""

import asyncio
import gzip
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel

from runtime.errors import DispatchFailed, FlagServiceFailed, SignalUnavailable
from runtime.integrations.http import Answer, Call, Http

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
LOOPBACK = ["127.0.0.0/8"]
TOKEN = "tok-3f9a51c07b"


class Greeting(BaseModel):
    hello: str


class Door:
    """A server whose answers are scripted one by one; the last one stays."""

    def __init__(self, *answers: Handler | web.Response | int) -> None:
        self.answers, self.seen = list(answers), Counter[str]()
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        self.server = TestServer(app, host="127.0.0.1")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen[request.method] += 1
        self.requests.append((request.path, dict(request.headers), await request.read()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, int):
            return web.json_response({"hello": "world"} if answer == 200 else {"said": "no"}, status=answer)
        if isinstance(answer, web.Response):
            return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        return await answer(request)

    def url(self, path: str = "/") -> str:
        return str(self.server.make_url(path))

    async def __aenter__(self) -> Self:
        await self.server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.close()


@pytest.fixture
async def http() -> Any:
    client = Http(LOOPBACK, timeout_seconds=5, pause_seconds=0.01, largest_answer=100_000)
    yield client
    await client.close()


async def greet(http: Http, url: str, **more: Any) -> Greeting:
    return await http.get_json(url, Greeting, failure=SignalUnavailable, who="the greeter", **more)


async def test_json_comes_back_as_the_model(http: Http) -> None:
    async with Door(200) as door:
        assert (await greet(http, door.url())).hello == "world"


async def test_a_body_goes_out_as_json(http: Http) -> None:
    async with Door(200) as door:
        sent = Greeting(hello="wörld")
        await http.send_json("PUT", door.url(), sent, Greeting, failure=FlagServiceFailed, headers={"If-Match": '"1"'})
        _, headers, body = door.requests[0]
        assert Greeting.model_validate_json(body) == sent
        assert (headers["Content-Type"], headers["If-Match"]) == ("application/json", '"1"')


class TestAddresses:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.0.0.1", "127.1"])
    async def test_a_private_address_is_refused_in_every_spelling(self, host: str) -> None:
        http = Http()
        async with Door(200) as door:
            with pytest.raises(SignalUnavailable):
                await greet(http, f"http://{host}:{door.server.port}/")
            assert not door.seen
        await http.close()

    async def test_the_refusal_says_what_the_operator_can_do(self) -> None:
        http = Http(["127.0.0.1:1"])
        with pytest.raises(SignalUnavailable, match=r"private address.*ALLOW_PRIVATE_HOSTS"):
            await greet(http, "http://localhost:9/")
        await http.close()

    async def test_only_the_allowed_port_of_a_private_host_may_be_called(self) -> None:
        async with Door(200) as allowed, Door(200) as forbidden:
            http = Http([f"localhost:{allowed.server.port}"])
            assert (await greet(http, f"http://localhost:{allowed.server.port}/")).hello == "world"
            with pytest.raises(SignalUnavailable, match="private address"):
                await greet(http, f"http://localhost:{forbidden.server.port}/")
            assert not forbidden.seen
            await http.close()

    async def test_a_redirect_into_the_house_is_refused(self) -> None:
        async with Door(200) as secret:
            onward = web.Response(status=302, headers={"Location": f"http://127.0.0.1:{secret.server.port}/"})
            async with Door(onward) as door:
                http = Http([f"127.0.0.1:{door.server.port}"])
                with pytest.raises(SignalUnavailable, match="private address"):
                    await greet(http, door.url())
                assert not secret.seen
                await http.close()

    @pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "//127.0.0.1/", "http://", "nonsense"])
    async def test_only_http_addresses_are_called(self, http: Http, url: str) -> None:
        with pytest.raises(SignalUnavailable, match="cannot be sent as it is written"):
            await greet(http, url)

    async def test_credentials_in_an_address_are_refused_and_not_repeated(self, http: Http) -> None:
        with pytest.raises(SignalUnavailable) as refused:
            await greet(http, f"http://ana:{TOKEN}@127.0.0.1:9/x?key={TOKEN}")
        assert TOKEN not in refused.value.message + str(refused.value.context)


class TestTries:
    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    async def test_a_passing_trouble_is_tried_again(self, http: Http, status: int) -> None:
        async with Door(status, status, 200) as door:
            assert (await greet(http, door.url())).hello == "world"
            assert door.seen["GET"] == 3

    async def test_after_three_tries_the_callers_own_error_is_raised(self, http: Http) -> None:
        async with Door(503) as door:
            with pytest.raises(
                SignalUnavailable, match=r"The greeter failed at GET .*status 503.*\(3 tries\)"
            ) as failed:
                await greet(http, door.url())
            assert (door.seen["GET"], failed.value.context["status"]) == (3, 503)

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422, 304])
    async def test_what_will_not_change_is_not_tried_again(self, http: Http, status: int) -> None:
        async with Door(web.Response(status=status)) as door:
            with pytest.raises(SignalUnavailable, match=f"status {status}"):
                await greet(http, door.url())
            assert door.seen["GET"] == 1

    async def test_a_post_is_not_repeated_unless_its_receiver_knows_repeats(self, http: Http) -> None:
        async with Door(503, 200) as door:
            with pytest.raises(DispatchFailed):
                await http.send_json("POST", door.url(), {}, Greeting, failure=DispatchFailed)
            assert door.seen["POST"] == 1
        async with Door(503, 200) as door:
            await http.send_json("POST", door.url(), {}, Greeting, failure=DispatchFailed, repeatable=True)
            assert door.seen["POST"] == 2

    async def test_a_connection_that_breaks_off_is_repeated_only_where_that_is_safe(self, http: Http) -> None:
        async def hang_up(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()

        async with Door(hang_up, 200) as door:
            assert (await greet(http, door.url())).hello == "world"
        async with Door(hang_up, 200) as door:
            with pytest.raises(DispatchFailed, match="broke off"):
                await http.send_json("POST", door.url(), {}, Greeting, failure=DispatchFailed)
            assert door.seen["POST"] == 1

    async def test_even_a_post_is_tried_again_when_nobody_listened(self, http: Http) -> None:
        url = f"http://127.0.0.1:{unused_port()}/"
        with pytest.raises(DispatchFailed, match=r"is it running\? \(3 tries\)"):
            await http.send_json("POST", url, {}, Greeting, failure=DispatchFailed)

    async def test_retry_after_is_waited_for(self, http: Http) -> None:
        async with Door(web.Response(status=429, headers={"Retry-After": "1"}), 200) as door:
            began = time.monotonic()
            await greet(http, door.url())
            assert 1 <= time.monotonic() - began < 5

    @pytest.mark.parametrize("form", ["seconds", "date"])
    async def test_a_long_retry_after_is_handed_to_the_caller_instead(self, http: Http, form: str) -> None:
        value = "3600" if form == "seconds" else format_datetime(datetime.now(UTC) + timedelta(hours=1))
        async with Door(web.Response(status=429, headers={"Retry-After": value})) as door:
            with pytest.raises(SignalUnavailable) as failed:
                await greet(http, door.url())
            assert failed.value.context["retry_after"] == pytest.approx(3600, abs=60)
            assert door.seen["GET"] == 1

    @pytest.mark.parametrize("value", ["soon", "-5", "²", "Mon, 99 Foo 2026"])
    async def test_an_unreadable_retry_after_is_as_good_as_none(self, http: Http, value: str) -> None:
        async with Door(web.Response(status=503, headers={"Retry-After": value}), 200) as door:
            assert (await greet(http, door.url())).hello == "world"

    async def test_a_silent_server_is_given_up_within_the_time_limit(self) -> None:
        async def sleep(_: web.Request) -> web.StreamResponse:
            await asyncio.sleep(5)
            return web.Response()

        http = Http(LOOPBACK, timeout_seconds=0.1, pause_seconds=0.01)
        async with Door(sleep) as door:
            began = time.monotonic()
            with pytest.raises(SignalUnavailable, match=r"no answer within 0\.1 s \(3 tries\)"):
                await greet(http, door.url())
            assert time.monotonic() - began < 4
            await http.close()


class TestAnswers:
    @pytest.mark.parametrize(
        ("body", "complaint"),
        [(b"<html>", "Invalid JSON"), (b"{}", "hello: Field required"), (b'{"hello": 7}', "hello: Input should be")],
    )
    async def test_an_answer_that_does_not_fit_is_named_by_field(self, http: Http, body: bytes, complaint: str) -> None:
        async with Door(web.Response(body=body)) as door:
            with pytest.raises(SignalUnavailable, match=f"does not follow the protocol: .*{complaint}"):
                await greet(http, door.url())

    async def test_an_accepted_status_is_an_answer(self, http: Http) -> None:
        async with Door(404) as door:
            answer = await http.ask(Call("GET", door.url(), SignalUnavailable, accept=frozenset({404})))
            assert isinstance(answer, Answer)
            assert answer.status == 404

    async def test_a_huge_answer_is_cut_off(self, http: Http) -> None:
        async with Door(web.Response(body=b"x" * 100_001)) as door:
            with pytest.raises(SignalUnavailable, match="larger than 100000 bytes"):
                await greet(http, door.url())

    async def test_a_small_answer_that_unpacks_to_a_huge_one_is_cut_off_too(self, http: Http) -> None:
        packed = gzip.compress(b"x" * 50_000_000)
        assert len(packed) < 100_000
        async with Door(web.Response(body=packed, headers={"Content-Encoding": "gzip"})) as door:
            with pytest.raises(SignalUnavailable):
                await greet(http, door.url())

    async def test_no_cookie_is_kept_from_one_call_to_the_next(self, http: Http) -> None:
        async with Door(web.Response(text='{"hello": "a"}', headers={"Set-Cookie": "session=1"}), 200) as door:
            named = f"http://localhost:{door.server.port}/"  # cookies are for names, never for bare addresses
            await greet(http, named)
            await greet(http, named)
            assert all("Cookie" not in headers for _, headers, _ in door.requests)


class TestSecrets:
    async def test_a_server_that_repeats_our_token_does_not_bring_it_into_the_message(self, http: Http) -> None:
        async def echo(request: web.Request) -> web.StreamResponse:
            return web.Response(status=403, text=f"bad {request.headers['Authorization']} at {request.url}")

        async with Door(echo) as door:
            with pytest.raises(SignalUnavailable, match="give the token the right") as failed:
                await greet(http, door.url(f"/{TOKEN}?k=v"), headers={"Authorization": f"Bearer {TOKEN}"})
        assert TOKEN not in failed.value.message + str(failed.value.context)
        assert "k=v" not in str(failed.value.context)

    async def test_a_call_does_not_show_its_secrets_when_it_is_printed(self) -> None:
        call = Call("GET", "https://a.example", SignalUnavailable, headers={"X-Key": TOKEN}, content=TOKEN.encode())
        assert TOKEN not in repr(call)

    async def test_credentials_stay_with_their_origin_across_a_redirect(self, http: Http) -> None:
        async with Door(200) as elsewhere:
            away = web.Response(status=307, headers={"Location": elsewhere.url("/there")})
            near = web.Response(status=307, headers={"Location": "/here"})
            async with Door(near, away) as door:
                await greet(http, door.url(), headers={"Authorization": f"Bearer {TOKEN}"})
                assert [headers.get("Authorization") for _, headers, _ in door.requests] == [f"Bearer {TOKEN}"] * 2
            assert "Authorization" not in elsewhere.requests[0][1]

    async def test_a_post_never_follows_a_redirect(self, http: Http) -> None:
        async with Door(200) as elsewhere:
            away = web.Response(status=308, headers={"Location": elsewhere.url()})
            async with Door(away) as door:
                with pytest.raises(DispatchFailed, match="status 308"):
                    await http.send_json("POST", door.url(), {}, Greeting, failure=DispatchFailed, repeatable=True)
            assert not elsewhere.seen

    async def test_a_redirect_that_turns_in_circles_ends(self, http: Http) -> None:
        async with Door(web.Response(status=302, headers={"Location": "/"})) as door:
            with pytest.raises(SignalUnavailable, match="more than 3 times"):
                await greet(http, door.url())

    async def test_a_certificate_nobody_vouches_for_is_refused(self, http: Http, tmp_path: Path) -> None:
        app = web.Application()
        server = TestServer(app, host="127.0.0.1", scheme="https")
        await server.start_server(ssl=_self_signed(tmp_path))
        with pytest.raises(SignalUnavailable, match="certificate does not hold"):
            await greet(http, str(server.make_url("/")))
        await server.close()


def _self_signed(place: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (place / "tls.pem").write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place / "tls.pem")
    return context
