"""Mutated real files into the accounting readers: `python -m benchmarks.fuzz_accounting FOLDER`.

Each kind of file (a folder of FOLDER, such as ofx) has its minutes. A case is read in a process of its own
that may not crash, not take longer than ten seconds, and not take more memory than 64 MiB and ten times the
file. What fails is kept under --keep with its seed; exit code 1 when anything did.
"""

import argparse
import os
import random
import resource
import signal
import sys
import time
import traceback
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from connectors.accounting import read_file

MIB = 1024 * 1024
SECONDS = 10
Mutation = Callable[[random.Random, bytearray, list[bytes]], None]


def flip(dice: random.Random, data: bytearray, _: list[bytes]) -> None:
    for _n in range(dice.choice([1, 1, 2, 8, 64])):
        if data:
            data[dice.randrange(len(data))] = dice.randrange(256)


def cut(dice: random.Random, data: bytearray, _: list[bytes]) -> None:
    del data[dice.randrange(len(data) + 1) :]


def drop(dice: random.Random, data: bytearray, _: list[bytes]) -> None:
    start = dice.randrange(len(data) + 1)
    del data[start : start + dice.choice([1, 3, 20, 400])]


def double(dice: random.Random, data: bytearray, _: list[bytes]) -> None:
    start = dice.randrange(len(data) + 1)
    piece = data[start : start + dice.choice([1, 5, 80, 2000])]
    data[start:start] = piece * dice.choice([1, 2, 50])


def splice(dice: random.Random, data: bytearray, others: list[bytes]) -> None:
    other = dice.choice(others)
    start = dice.randrange(len(other) + 1)
    place = dice.randrange(len(data) + 1)
    data[place : place + dice.choice([0, 10, 100])] = other[start : start + dice.choice([4, 40, 400])]


WORDS = [
    *(b"", b"-", b"--1", b"1e999", b"NaN", b"Infinity", b"9" * 400, b"1.234", b"1,234"),
    *(b"0000-00-00", b"31/02/2026", b"\x00", b"\xff\xfe", b'"', b"'", b"\r", b"\n" * 50),
    *(b"<!ENTITY x SYSTEM 'file:///etc/passwd'>", b"&x;", b"../../x"),
]


def word(dice: random.Random, data: bytearray, _: list[bytes]) -> None:
    place = dice.randrange(len(data) + 1)
    data[place : place + dice.choice([0, 0, 1, 4, 10])] = dice.choice(WORDS)


def digit(dice: random.Random, data: bytearray, _: list[bytes]) -> None:
    places = [index for index, byte in enumerate(data[:200_000]) if 48 <= byte <= 57]
    if places:
        data[dice.choice(places)] = dice.choice(b"0123456789.,-")


MUTATIONS: tuple[Mutation, ...] = (flip, cut, drop, double, splice, word, digit)


def mutated(dice: random.Random, seeds: list[bytes]) -> bytes:
    data = bytearray(dice.choice(seeds))
    for _ in range(dice.choice([1, 1, 2, 4])):
        dice.choice(MUTATIONS)(dice, data, seeds)
    return bytes(data)


def expanded(data: bytes) -> int:
    """What it holds when it is unpacked, as its own directory says."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return sum(info.file_size for info in archive.infolist())
    except Exception:  # noqa: BLE001 - zipfile raises many kinds
        return len(data)


def case(path: Path, size: int) -> str | None:
    """What went wrong when it was read, or None."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        try:
            signal.alarm(SECONDS)
            held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            limit = held + 64 * MIB + 10 * size
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            read_file(path)
        except BaseException:  # noqa: BLE001 - whatever it is, it is told
            os.write(write_end, traceback.format_exc()[-3000:].encode(errors="replace"))
            os._exit(1)
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        said = pipe.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return f"took longer than {SECONDS} s" if number == signal.SIGALRM else f"died of signal {number}"
    return said or None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz_accounting")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0, help="of each kind")
    parser.add_argument("--only", action="append", help="a folder's name")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"))
    arguments = parser.parse_args()
    arguments.keep.mkdir(parents=True, exist_ok=True)
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**9)
    failures = 0
    for kind in sorted(path for path in arguments.folder.iterdir() if path.is_dir()):
        if arguments.only and kind.name not in arguments.only:
            continue
        files = [
            path for path in sorted(kind.iterdir()) if path.suffix != ".md" and path.stat().st_size < MIB
        ]
        seeds = [path.read_bytes() for path in files]
        if not seeds:
            continue
        dice = random.Random(f"{seed}/{kind.name}")
        place = arguments.keep / f"{kind.name}.case"
        until, count, wrong = time.monotonic() + 60 * arguments.minutes, 0, 0
        told: set[str] = set()
        while time.monotonic() < until:
            data = mutated(dice, seeds)
            place.write_bytes(data)
            count += 1
            if (said := case(place, max(len(data), expanded(data)))) is not None:
                wrong += 1
                last = said.strip().splitlines()[-3:]
                if (name := " ".join(last)) not in told and len(told) < 20:
                    told.add(name)
                    place.replace(arguments.keep / f"{kind.name}-{count}.bad")
                    print(f"{kind.name} case {count} of seed {seed}:\n{said}", flush=True)
        failures += wrong
        print(f"{kind.name}: {count} cases, {wrong} failed (seed {seed})", flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
