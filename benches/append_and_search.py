#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a change through a mount costs the next search.

    cargo build --release
    benches/append_and_search.py [--rows 1000000] [--dim 128] [--rounds 30] [--kind flat|hnsw|ivf|pq|lsh] [--store DIR]
    benches/append_and_search.py --store DIR --mount MNT

A store with one vector file is made in DIR (default: a directory for temporary files) and mounted, or is found mounted at MNT, as by the
kernel module. A round appends a row, or overwrites one, through the mount, and then asks for the 10 nearest rows of a query. The index, where
there is one, covers the first rows. Before that the same search is timed with nothing changed, and so are rounds that ask for nothing but how
many rows there are (VEXFS_IOC_INFO): the driver must know all rows for that, but compares none. All times are in milliseconds and hold the
system calls; what is appended and overwritten counts as well. The driver's memory is its resident memory, in MiB.
"""

import argparse
import array
import fcntl
import os
import pathlib
import random
import statistics
import struct
import subprocess
import tempfile
import time

VEXFS = pathlib.Path(__file__).parent.parent / "target/release/vexfs"
K = 10
HEADER = struct.Struct("<8I4Q")
INFO_BYTES = 192
KINDS = {"flat": 0, "hnsw": 1, "ivf": 2, "pq": 3, "lsh": 4}


class Searched:
    """A vector file that is open through a mount (docs/abi.md)."""

    def __init__(self, path, dim, kind):
        self.file = os.open(path, os.O_RDWR)
        self.dim = dim
        self.kind = KINDS[kind]
        self.size = HEADER.size + max(4 * dim, 8 * K)

    def search(self, query):
        """How many rows were searched."""
        header = HEADER.pack(self.kind, 0, self.dim, K, 0, 0, 0, 0, 0, 0, 0, 0)
        payload = bytearray((header + query.tobytes()).ljust(self.size, b"\0"))
        fcntl.ioctl(self.file, 3 << 30 | self.size << 16 | 0xF7 << 8 | 2, payload)
        return HEADER.unpack_from(payload)[8]

    def count(self):
        """How many rows there are."""
        payload = bytearray(INFO_BYTES)
        fcntl.ioctl(self.file, 3 << 30 | INFO_BYTES << 16 | 0xF7 << 8 | 1, payload)
        return struct.unpack_from("<Q", payload, 8)[0]


def milliseconds(work):
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def row(source, dim):
    return array.array("f", (source.gauss(0, 1) for _ in range(dim)))


def record(elements):
    return struct.pack("<I", len(elements)) + elements.tobytes()


def make(path, rows, dim):
    """Rows that differ, of few that are drawn: Python is slow."""
    source = random.Random(1)
    drawn = [record(row(source, dim)) for _ in range(1000)]
    with open(path, "wb") as file:
        for number in range(rows):
            file.write(drawn[number % 1000] if number % 7 else record(array.array("f", [number % 1013] * dim)))


def resident(process):
    if process is None:
        return float("nan")
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def measured(path, options, process):
    """The lines of the table: what is done, in milliseconds, and the memory after it."""
    file = Searched(path, options.dim, options.kind)
    source = random.Random(2)
    query = row(source, options.dim)
    asked = {"count": file.count, "search": lambda: file.search(query)}
    width = len(record(query))
    within, last = file.search(query), file.count()
    lines = []

    def rounds(name, first, ask, rows):
        """Writes rows one after the other, each at first(), and asks after each, which rows() are to be seen."""
        times = []
        for _ in range(options.rounds):
            written = record(row(source, options.dim))
            offset = first() * width
            start = time.perf_counter()
            os.pwrite(file.file, written, offset)
            seen = ask()
            times.append(1000 * (time.perf_counter() - start))
            if seen != rows():
                raise SystemExit(f"{path}: {seen} rows were seen, not {rows()}")
        lines.append((name, times, resident(process)))

    for name, ask in asked.items():
        lines.append((name, [milliseconds(ask) for _ in range(options.rounds)], resident(process)))
        rounds(f"append, {name}", file.count, ask, file.count)
        rounds(f"overwrite, {name}", lambda: source.randrange(within), ask, file.count)
    if file.count() != last + 2 * options.rounds:
        raise SystemExit(f"{path}: rows are missing")
    os.close(file.file)
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--kind", choices=KINDS, default="flat", help="flat looks at all rows; the others have an index")
    parser.add_argument("--store", help="where the store is made")
    parser.add_argument("--mount", help="where STORE is mounted already")
    options = parser.parse_args()
    if options.mount and not options.store:
        parser.error("--mount needs --store, which is mounted there")

    with tempfile.TemporaryDirectory(dir=options.store) as folder:
        store = pathlib.Path(folder, "store")
        store.mkdir()
        make(store / "v.fvecs", options.rows, options.dim)
        if options.kind != "flat":
            subprocess.run([VEXFS, "index", "build", store / "v.fvecs", "--kind", options.kind], check=True, stdout=subprocess.DEVNULL)
        if options.mount:
            inside = pathlib.Path(options.mount, pathlib.Path(folder).name, "store")
            lines = measured(inside / "v.fvecs", options, None)
        else:
            mount = pathlib.Path(folder, "mount")
            mount.mkdir()
            process = subprocess.Popen([VEXFS, "mount", store, mount])
            while not os.path.ismount(mount):
                if process.poll() is not None:
                    raise SystemExit("the driver has ended")
                time.sleep(0.01)
            try:
                lines = measured(mount / "v.fvecs", options, process)
            finally:
                subprocess.run(["umount", mount], check=True)
                process.wait()

    print(f"| {options.rows:,} x {options.dim}, {options.kind} | median, ms | longest, ms | driver, MiB |")
    print("|---|---|---|---|")
    for name, times, memory in lines:
        print(f"| {name} | {statistics.median(times):.2f} | {max(times):.2f} | {memory:.0f} |")


if __name__ == "__main__":
    main()
