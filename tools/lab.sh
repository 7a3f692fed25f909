#!/bin/sh
# Starts JupyterLab from this checkout: lab.sh [OPTION OF jupyter lab]…
set -eu
cd "$(dirname "$0")/.."

"${PYTHON:-python3}" tools/make_venv.py lab

if [ "$(id -u)" = 0 ]; then
    echo "You are root, which is unwise: every notebook, and everyone who signs in, can then do anything" \
        "on this machine. Fine for a look, not for work." >&2
    set -- --allow-root "$@"
fi

# On PATH, so that `jupyter totp` also works in the terminals of the Lab.
PATH="$PWD/.venv/bin:$PATH"
export PATH
# A folder of its own, so that a first notebook is no change of the checkout; an option given by hand wins.
mkdir -p notebooks
# exec: Ctrl-C and signals reach Jupyter itself.
exec jupyter lab --ServerApp.root_dir=notebooks "$@"
