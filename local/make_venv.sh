# Makes $VENV with pip in it from $PYTHON, or says in one sentence what is missing.
# A bare Python may lack the venv module or ensurepip (Debian ships both apart), so each way that
# needs only what might be there is tried in turn.
set -eu

fail() {
    echo "$1" >&2
    exit 1
}

command -v "$PYTHON" >/dev/null 2>&1 ||
    fail "$PYTHON was not found: install Python 3.11, 3.12 or 3.13, or name one: make PYTHON=python3.11 ..."

"$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2])' ||
    fail "Python 3.11 or newer is needed, but $PYTHON is $("$PYTHON" -V 2>&1); name another: make PYTHON=python3.11 ..."

has_pip() {
    "$VENV/bin/python" -m pip --version >/dev/null 2>&1
}

by_venv() {
    "$PYTHON" -m venv --clear "$VENV" >/dev/null 2>&1 && has_pip
}

by_borrowed_pip() {
    "$PYTHON" -m venv --clear --without-pip "$VENV" >/dev/null 2>&1 &&
        "$PYTHON" -m pip --disable-pip-version-check --python "$VENV/bin/python" \
            install --quiet pip >/dev/null 2>&1 && has_pip
}

by_virtualenv() {
    "$PYTHON" -m virtualenv --clear --quiet "$VENV" >/dev/null 2>&1 && has_pip
}

by_uv() {
    uv venv --quiet --clear --seed --python "$PYTHON" "$VENV" >/dev/null 2>&1 && has_pip
}

# One that works is kept: pip brings it up to date much faster than it could be made anew.
has_pip || by_venv || by_borrowed_pip || by_virtualenv || by_uv ||
    fail "$PYTHON can make no virtual environment: install its venv module (on Debian or Ubuntu: apt-get install python3-venv)."
