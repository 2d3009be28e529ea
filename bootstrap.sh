#!/bin/sh
# Makes .venv beside this file hold exactly what requirements.lock names. Needs only Python 3.11+ with pip.
# Does nothing (in some 30 ms) when .venv is already right.
set -eu
export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}" PIP_DISABLE_PIP_VERSION_CHECK=1
cd "$(dirname "$0")"
fits() { "$1" -c 'import sys; raise SystemExit(not ((3,11) <= sys.version_info[:2] <= (3,14)))' 2>/dev/null; }
PY=""
# pyenv's shims answer 127 for versions that are not selected, so the real interpreters are looked up as well.
# Newer ones come first: they start faster, and tests with coverage take half the time from 3.12 on.
SHIMS="${PYENV_ROOT:-$HOME/.pyenv}/versions"
for candidate in ${PYTHON:-} python3.13 "$SHIMS"/3.13*/bin/python python3.12 "$SHIMS"/3.12*/bin/python python3.14 python3.11 \
  "$SHIMS"/3.11*/bin/python python3 /usr/bin/python3; do
  path=$(command -v "$candidate" 2>/dev/null) || continue
  fits "$path" && { PY=$path; break; }
done
[ -n "$PY" ] || { echo "Outcome Runtime needs Python 3.11 or newer (up to 3.14) with pip; none was found. Install one, or name it: PYTHON=/path/to/python make demo" >&2; exit 1; }
want="$(cat requirements.lock pyproject.toml | cksum) $PY $(pwd)"
[ -f .venv/.stamp ] && [ "$(cat .venv/.stamp)" = "$want" ] && exit 0
echo "Setting up .venv (once; half a minute with a warm package cache) ..." >&2
UV=$(command -v uv || true)
if [ -z "$UV" ]; then
  [ -x .tools/bin/uv ] || "$PY" -m pip install -q --disable-pip-version-check --root-user-action=ignore --target .tools uv || true
  [ -x .tools/bin/uv ] && UV=.tools/bin/uv
fi
if [ -n "$UV" ]; then
  "$UV" venv -q --clear --python "$PY" .venv
  "$UV" pip install -q --python .venv/bin/python --no-deps --require-hashes -r requirements.lock
  "$UV" pip install -q --python .venv/bin/python --no-deps --no-build-isolation -e .
else
  "$PY" -m venv --clear .venv
  .venv/bin/python -m pip install -q --no-deps --require-hashes -r requirements.lock
  .venv/bin/python -m pip install -q --no-deps --no-build-isolation -e .
fi
echo "$want" > .venv/.stamp
