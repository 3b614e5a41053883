#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The fuzzer's corpus: one file of text in git, one file for each input where libFuzzer runs.

    tests/fuzz/corpus.py unpack DIR    # writes the inputs of tests/data/fuzz-corpus.txt into DIR
    tests/fuzz/corpus.py pack DIR      # rewrites tests/data/fuzz-corpus.txt from the files in DIR

A line is one input in base64. The lines are in the order of the inputs' SHA-1, which is the name that libFuzzer gives a file.
"""

import base64
import hashlib
import sys
from pathlib import Path

CORPUS = Path(__file__).resolve().parent.parent / "data/fuzz-corpus.txt"


def unpack(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for line in CORPUS.read_text().splitlines():
        content = base64.b64decode(line, validate=True)
        (folder / hashlib.sha1(content).hexdigest()).write_bytes(content)


def pack(folder: Path) -> None:
    inputs = {file.read_bytes() for file in folder.iterdir()}
    inputs = sorted(inputs, key=lambda content: hashlib.sha1(content).digest())
    CORPUS.write_text("".join(base64.b64encode(content).decode() + "\n" for content in inputs))


match sys.argv[1:]:
    case ["unpack", folder]:
        unpack(Path(folder))
    case ["pack", folder]:
        pack(Path(folder))
    case _:
        sys.exit(__doc__)
