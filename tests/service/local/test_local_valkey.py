"""The embedded queue server, killed, adopted and never twice on one directory."""

import os
import signal
import socket
from pathlib import Path

import pytest
import redis

from runtime.errors import LocalServerFailed
from runtime.local.ports import PortTaken
from runtime.local.processes import wait_until
from runtime.local.valkey import start_valkey


def test_ids_survive_kill_9_and_the_password_is_asked_for(empty_dir: Path) -> None:
    first = start_valkey(empty_dir)
    with redis.Redis.from_url(first.url) as client:
        client.rpush("queue", "id-1", "id-2")
        file = empty_dir / "valkey" / "appendonlydir" / "appendonly.aof.1.incr.aof"
        assert wait_until(lambda: b"id-2" in file.read_bytes(), 20)
    with redis.Redis(port=first.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    first.kill()
    assert wait_until(lambda: first.ended() == "signal 9", 20)
    second = start_valkey(empty_dir)
    assert second.port == first.port
    with redis.Redis.from_url(second.url) as client:
        assert client.lrange("queue", 0, -1) == [b"id-1", b"id-2"]
    second.stop()


def test_a_server_that_lives_is_adopted_even_while_it_does_not_answer(empty_dir: Path) -> None:
    first = start_valkey(empty_dir)
    os.kill(first.pid, signal.SIGSTOP)
    try:
        assert not first.healthy()
        assert first.ended() is None
    finally:
        os.kill(first.pid, signal.SIGCONT)
    second = start_valkey(empty_dir)
    assert (second.pid, second.port, second.adopted) == (first.pid, first.port, True)
    second.stop()
    assert wait_until(lambda: first.ended() is not None, 5)


def test_a_remembered_port_in_other_hands_is_left_to_them(empty_dir: Path) -> None:
    first = start_valkey(empty_dir)
    first.stop()
    with socket.create_server(("127.0.0.1", first.port)) as stranger:
        second = start_valkey(empty_dir)
        assert second.port != first.port
        second.stop()
        with pytest.raises(PortTaken, match="REDIS_EMBEDDED_PORT"):
            start_valkey(empty_dir, port=stranger.getsockname()[1])


def test_a_damaged_queue_file_is_told_with_what_may_be_deleted(empty_dir: Path) -> None:
    first = start_valkey(empty_dir)
    with redis.Redis.from_url(first.url) as client:
        client.set("a", "b")
    first.stop()
    (empty_dir / "valkey" / "appendonlydir" / "appendonly.aof.1.incr.aof").write_bytes(b"*3\r\nnonsense\r\n" * 50)
    with pytest.raises(LocalServerFailed, match="it holds only ids"):
        start_valkey(empty_dir)


def test_a_damaged_note_names_its_file(empty_dir: Path) -> None:
    empty_dir.mkdir()
    (empty_dir / "valkey.json").write_text('{"port": "many"}')
    with pytest.raises(LocalServerFailed, match=r"valkey\.json is damaged"):
        start_valkey(empty_dir)
