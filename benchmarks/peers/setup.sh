#!/usr/bin/env bash
# Makes the Python environment of the peers, once: `npm run bench:peers`. It lies in .venv beside this file, or in
# the folder that TFJS_PRIVACY_PEERS names, where the benchmarks look for it. Needs Python 3.11 or newer with
# venv, and about 2 GB; delete the folder to undo it.

set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
environment="${TFJS_PRIVACY_PEERS:-$here/.venv}"
python="${PYTHON:-python3}"

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "expected Python 3.11 or newer, got $("$python" --version 2>&1); name another in PYTHON" >&2
  exit 1
}
[ -x "$environment/bin/python" ] || "$python" -m venv "$environment"
"$environment/bin/python" -m pip install --disable-pip-version-check --quiet -r "$here/requirements.txt"
"$environment/bin/python" -c '
import opacus, jax_privacy, torch, jax, dp_accounting, prv_accountant
from importlib.metadata import version
names = "opacus", "torch", "jax-privacy", "jax", "dp-accounting", "prv_accountant"
print("ready: " + ", ".join(f"{name} {version(name)}" for name in names))
'
echo "npm run bench:step and npm run bench:accounting measure them now"
