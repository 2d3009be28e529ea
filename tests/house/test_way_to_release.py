"""What surrounds the code: make targets, the coverage bars, the containers. Read and run as far as a desk can."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

PROD, LOCAL = "docker-compose.prod.yml", "docker-compose.yml"


def _compose(house: Path, name: str) -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe").load(house / name)
    return read


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [str(value)]


def _make(house: Path, *words: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", *words], cwd=house, capture_output=True, text=True, timeout=30, check=True, env=environment
    )
    return done.stdout


def test_make_alone_lists_every_target(house: Path) -> None:
    makefile = (house / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z]+):", makefile, re.MULTILINE)
    listed = re.findall(r"^ +make ([a-z]+) ", _make(house), re.MULTILINE)
    assert listed == targets
    assert set(targets) == set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())


@pytest.mark.parametrize("target", ["demo", "run", "test", "lint", "types", "imports", "fix", "docs", "bench", "lock"])
def test_every_target_sets_itself_up_first(house: Path, target: str) -> None:
    assert _make(house, "--dry-run", target).lstrip().startswith("./bootstrap.sh")


def test_no_recipe_minds_where_the_checkout_lies(house: Path) -> None:
    """Relative paths only: a directory with spaces works."""
    assert str(house) not in "".join(
        _make(house, "--dry-run", target) for target in ("demo", "run", "test", "check", "lock")
    )


def test_the_demo_hands_its_wishes_on(house: Path) -> None:
    assert "-m demo --auto --fast" in _make(house, "--dry-run", "demo", "AUTO=1", "ARGS=--fast")
    assert "--auto" not in _make(house, "--dry-run", "demo")


def test_the_pipeline_runs_exactly_the_tests_people_run(house: Path) -> None:
    script = house / ".ci" / "run"
    assert script.stat().st_mode & stat.S_IXUSR
    text = script.read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in text
    assert re.search(r"^make check ", text, re.MULTILINE)
    assert re.search(r"^make test 2>&1 \| tee", text, re.MULTILINE)
    subprocess.run(["bash", "-n", str(script)], check=True, timeout=10)


def _pipeline(house: Path, place: Path, *, tests: str, checks: str = "true") -> subprocess.CompletedProcess[str]:
    """The real script in a checkout of nothing, whose `make` does as told; a browser and mail servers are there."""
    (place / ".ci").mkdir(parents=True)
    for name in ("run", "coverage.py"):
        shutil.copy(house / ".ci" / name, place / ".ci" / name)
    (place / "bin").mkdir()
    there = [(name, "true") for name in ("chromium", "dovecot", "smtpd")]
    for name, does in (*there, ("make", f'case "$1" in check) {checks} ;; test) {tests} ;; esac')):
        (place / "bin" / name).write_text(f"#!/bin/sh\n{does}\n")
        (place / "bin" / name).chmod(0o755)
    (place / ".venv" / "bin").mkdir(parents=True)
    (place / ".venv" / "bin" / "python").symlink_to(sys.executable)
    _report(place / "coverage.json", GOOD)
    environment = os.environ | {"PATH": f"{place / 'bin'}:{os.environ['PATH']}"}
    return subprocess.run(
        [str(place / ".ci" / "run")], capture_output=True, text=True, timeout=30, check=False, env=environment
    )


def test_the_pipeline_ends_with_what_passed(house: Path, tmp_path: Path) -> None:
    done = _pipeline(house, tmp_path / "a checkout", tests="echo '===== 12 passed, 3 skipped in 9.10s ====='")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "12 passed, 0 failed"


def test_the_pipeline_fails_with_its_tests_and_still_shows_the_coverage(house: Path, tmp_path: Path) -> None:
    line = "= 2 failed, 12 passed, 1 error in 65.00s (0:01:05) ="
    done = _pipeline(house, tmp_path / "b", tests=f"echo 'FAILED one'; echo '{line}'; exit 1")
    assert done.returncode != 0
    assert "runtime/lifecycle" in done.stdout
    assert "Not good: tests." in done.stderr
    assert done.stdout.splitlines()[-1] == "12 passed, 3 failed"


def test_the_pipeline_fails_with_its_checks_and_still_runs_the_tests(house: Path, tmp_path: Path) -> None:
    done = _pipeline(house, tmp_path / "c", tests="echo '= 1 passed in 0.10s ='", checks="exit 2")
    assert done.returncode != 0
    assert "Not good: checks." in done.stderr
    assert done.stdout.splitlines()[-1] == "1 passed, 0 failed"


def test_tests_that_never_ended_do_not_pass(house: Path, tmp_path: Path) -> None:
    done = _pipeline(house, tmp_path / "d", tests="exit 139")
    assert done.returncode != 0
    assert "No test ran to its end." in done.stderr
    assert done.stdout.splitlines()[-1] == "0 passed, 0 failed"


def _bars(house: Path, report: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(house / ".ci" / "coverage.py"), str(report)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def _report(path: Path, covered: dict[str, int]) -> Path:
    files = {name: {"summary": {"covered_lines": reached, "num_statements": 100}} for name, reached in covered.items()}
    path.write_text(json.dumps({"files": files}), encoding="utf-8")
    return path


GOOD = {
    "runtime/lifecycle/gate.py": 95, "runtime/measurement/tick.py": 90, "runtime/statistics/plan.py": 90,
    "runtime/integrations/signals/postgres.py": 90, "runtime/hypotheses/scoring.py": 80, "runtime/core.py": 70,
    "bot/web.py": 70, "charts/effect.py": 70, "workers/outbox.py": 70,
}  # fmt: skip


def test_an_area_at_its_bar_passes(house: Path, tmp_path: Path) -> None:
    done = _bars(house, _report(tmp_path / "coverage.json", GOOD))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1 + len(GOOD)


@pytest.mark.parametrize("file", sorted(GOOD))
def test_an_area_below_its_bar_is_named(house: Path, tmp_path: Path, file: str) -> None:
    done = _bars(house, _report(tmp_path / "coverage.json", GOOD | {file: GOOD[file] - 1}))
    assert done.returncode == 1
    assert done.stderr.strip().endswith(f"in: {'runtime' if file == 'runtime/core.py' else file.rpartition('/')[0]}.")


def test_an_area_nobody_measured_does_not_pass(house: Path, tmp_path: Path) -> None:
    measured = {file: reached for file, reached in GOOD.items() if not file.startswith("workers")}
    assert "workers" in _bars(house, _report(tmp_path / "coverage.json", measured)).stderr
    assert _bars(house, tmp_path / "none.json").returncode == 1


@pytest.mark.parametrize("name", [LOCAL, PROD])
def test_the_containers_are_those_the_product_needs(house: Path, name: str) -> None:
    services = _compose(house, name)["services"]
    assert set(services) == {"db", "queue", "migrate", "bot", "worker"}
    assert services["db"]["image"] == "timescale/timescaledb-ha:pg17"
    assert services["bot"]["command"] == ["python", "-m", "bot"]
    assert services["worker"]["command"] == ["python", "-m", "workers"]
    assert services["worker"]["deploy"]["replicas"] == 2
    assert all("healthcheck" in services[service] for service in ("db", "queue", "bot"))
    for service in ("bot", "worker"):
        assert services[service]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
        assert {"DATABASE_URL", "REDIS_URL", "ENCRYPTION_KEYS", "API_SECRET"} <= set(services[service]["environment"])


@pytest.mark.parametrize("name", [LOCAL, PROD])
def test_containers_listen_on_loopback_only(house: Path, name: str) -> None:
    services = _compose(house, name)["services"].values()
    assert all(port.startswith("127.0.0.1:") for service in services for port in service.get("ports", []))


def test_production_knows_no_default_for_a_secret(house: Path) -> None:
    for text in _texts(_compose(house, PROD)["services"]):
        for name, rest in re.findall(r"\$\{(\w+)([^}]*)\}", text):
            if re.search(r"PASSWORD|SECRET|TOKEN|KEY", name):
                optional = name in {"ANTHROPIC_API_KEY", "OPENAI_API_KEY"} and rest == ":-"
                assert optional or rest.startswith(":?"), f"{name} has a default in {PROD}"
    written = " ".join(_texts(_compose(house, PROD)["services"]))
    assert not re.search(r"://\w+:(?!\$\{)[^@$]+@", written), "a password is written out"


def test_production_works_as_a_role_that_rules_nothing(house: Path) -> None:
    compose = _compose(house, PROD)
    for service in ("bot", "worker"):
        assert compose["services"][service]["environment"]["DATABASE_URL"].startswith("postgresql://outcome_app:")
        assert "MIGRATION_DATABASE_URL" not in compose["services"][service]["environment"]
    assert "nosuperuser nobypassrls" in compose["configs"]["roles"]["content"]


def test_the_image_is_built_from_the_lock_and_runs_as_nobody_special(house: Path) -> None:
    text = (house / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes -r requirements.lock" in text
    assert re.search(r"^USER (?!root)\w+$", text, re.MULTILINE)
    sent = {
        line.removeprefix("!")
        for line in (house / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    copied = {
        word
        for line in text.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    assert copied <= sent
    assert all((house / name).exists() for name in copied)


def test_the_licence_is_apaches(house: Path) -> None:
    text = (house / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
