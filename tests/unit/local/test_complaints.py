"""What a server's log becomes for the person who has to mend it."""

from pathlib import Path

import pytest

from runtime.local.processes import _elapsed
from runtime.local.server import complaint

HERE = Path("/data dir/postgres")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("FATAL:  could not write to file: No space left on device", "the disk that holds /data dir/postgres is full"),
        ('could not bind IPv4 address "127.0.0.1": Address already in use', "its port is taken"),
        ('FATAL:  could not open directory "pg_notify": Permission denied', "give the directory back to the account"),
        ("PANIC:  could not locate a valid checkpoint record", "put a backup back"),
        ("Bad file format reading the append only file", "it holds only ids"),
        ("[Errno 30] Read-only file system", "name another directory in DATA_DIR"),
    ],
)
def test_a_known_trouble_is_told_with_its_next_step(said: str, told: str) -> None:
    sentence = complaint("postgres", HERE, f"LOG:  starting\n{said}\nLOG:  shut down")
    assert sentence.startswith("postgres did not start: ")
    assert told in sentence


def test_an_unknown_trouble_is_told_in_the_servers_own_last_loud_words() -> None:
    said = "LOG:  starting\nFATAL:  the moon is in the wrong house\nLOG:  database system is shut down\n"
    assert complaint("postgres", HERE, said).endswith("FATAL:  the moon is in the wrong house")


def test_silence_is_told_as_silence() -> None:
    assert complaint("valkey", HERE, "\n").endswith("it said nothing")


@pytest.mark.parametrize(("shown", "seconds"), [("00:07", 7), ("01:02:03", 3723), ("2-00:00:01", 172_801)])
def test_the_age_of_a_process_is_read_as_ps_prints_it(shown: str, seconds: int) -> None:
    assert _elapsed(shown) == seconds
