#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes wheels.json: which file of each package of requirements.txt a CPython 3.13 on x86-64 Linux takes, and its hash.

    peers/lock-wheels.py

nix/peers.nix fetches these files. pip of this Python says which they are; nothing is installed.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYTHON = "3.13"
PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in (28, 27, 26, 24, 17, 5)] + ["manylinux2014_x86_64", "manylinux1_x86_64"]
# These have no wheels: the file is the archive of their sources, and its hash the only one there is.
SOURCES = ["hnswlib"]


def packages():
    """Each package of requirements.txt: its name, its version, its lines."""
    for lines in re.split(r"(?m)^(?=[a-z])", (HERE / "requirements.txt").read_text()):
        if match := re.match(r"([a-z0-9-]+)==(\S+)", lines):
            yield *match.groups(), lines


def wheels(requirements):
    with tempfile.TemporaryDirectory() as folder:
        file, report = Path(folder) / "requirements.txt", Path(folder) / "report.json"
        file.write_text(requirements)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps", "--require-hashes"]
        command += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", PYTHON]
        command += ["--target", folder, "--report", str(report), "-r", str(file)]
        for abi in ["cp" + PYTHON.replace(".", ""), "abi3", "none"]:
            command += ["--abi", abi]
        for platform in [*PLATFORMS, "any"]:
            command += ["--platform", platform]
        subprocess.run(command, check=True)
        for package in json.loads(report.read_text())["install"]:
            taken = package["download_info"]
            yield {"file": taken["url"].rsplit("/", 1)[1], "sha256": taken["archive_info"]["hashes"]["sha256"]}


def main():
    all = list(packages())
    files = list(wheels("".join(lines for name, _, lines in all if name not in SOURCES)))
    for name, version, lines in all:
        if name in SOURCES:
            [sha256] = re.findall(r"--hash=sha256:(\w+)", lines)
            files.append({"file": f"{name}-{version}.tar.gz", "sha256": sha256})
    files.sort(key=lambda file: file["file"])
    lines = ",\n".join("  " + json.dumps(file) for file in files)
    (HERE / "wheels.json").write_text(f"[\n{lines}\n]\n")


main()
