#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Small reads and writes of plain files: through the FUSE driver, as it is and with two options, and beneath it.

    cargo build --release
    benches/small_io.py [--store DIR] [--rounds 5]

A store is made in DIR (default: the directory for temporary files) and mounted once for each line. Reads: 4 KiB each, in an order that is
drawn anew, of a file of 64 MiB that was just opened. Writes: 512 bytes each, one after the other, to a new file. Every number is the median
of the rounds, in 1,000 calls a second; the calls are Python's os.pread and os.write, whose own time counts everywhere.
"""

import argparse
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

VEXFS = pathlib.Path(__file__).parent.parent / "target/release/vexfs"
SIZE = 64 << 20
PAGE, SMALL = 4096, 512
READS, WRITES = 16_384, 20_000


def reads(path, order):
    """Calls a second, from the open on."""
    start = time.perf_counter()
    file = os.open(path, os.O_RDONLY)
    for page in order:
        if len(os.pread(file, PAGE, page * PAGE)) != PAGE:
            raise SystemExit(f"{path}: a short read")
    seconds = time.perf_counter() - start
    os.close(file)
    return len(order) / seconds


def writes(path):
    """Calls a second, until the last has returned."""
    block = bytes(SMALL)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    start = time.perf_counter()
    for _ in range(WRITES):
        os.write(file, block)
    seconds = time.perf_counter() - start
    os.close(file)
    os.unlink(path)
    return WRITES / seconds


def measured(folder, rounds):
    order = list(range(SIZE // PAGE))
    found = []
    for seed in range(rounds):
        random.Random(seed).shuffle(order)
        found.append((reads(f"{folder}/large", order[:READS]), writes(f"{folder}/new")))
    return [statistics.median(column) for column in zip(*found)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", help="where the store is made")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.store) as store, tempfile.TemporaryDirectory() as mount_point:
        with open(f"{store}/large", "wb") as file:
            file.write(random.Random(0).randbytes(SIZE))
        below = measured(store, arguments.rounds)
        print(f"{'place':24} {'4 KiB reads':>12} {'below, x':>9} {'512 B writes':>13} {'below, x':>9}")
        print(f"{'below':24} {below[0] / 1000:12.1f} {1:9.2f} {below[1] / 1000:13.1f} {1:9.2f}")
        for name, options in [
            ("as it is", "rw"),
            ("nopassthrough", "nopassthrough"),
            ("nopassthrough, exclusive", "nopassthrough,exclusive"),
        ]:
            subprocess.run([VEXFS, "mount", "--background", "-o", options, store, mount_point], check=True)
            try:
                found = measured(mount_point, arguments.rounds)
            finally:
                subprocess.run(["umount", mount_point], check=True)
            ratios = [b / f for b, f in zip(below, found)]
            print(f"{name:24} {found[0] / 1000:12.1f} {ratios[0]:9.2f} {found[1] / 1000:13.1f} {ratios[1]:9.2f}")


if __name__ == "__main__":
    main()
