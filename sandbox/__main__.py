"""`python -m sandbox serve | truth | advance`: see docs/architecture.md."""

import argparse
import asyncio
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.faults import PRESETS, FaultError, parse_faults
from sandbox.limits import OFF, VENDOR, Limits
from sandbox.world import Plan, WorldError, read_plan

DEFAULTS = {"seed": 7, "months": 12, "first": 10, "last": 100}
DEFAULT_CLOCK = "2026-11-16T07:00:00Z"
DONE, FAILED, WRONG_USE = 0, 1, 2
_LIMITS = tuple(each.name for each in fields(Limits))


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 done, 1 failed, 2 wrong use."""
    given = _parser().parse_args(arguments)
    try:
        if given.command == "serve":
            return _serve(given)
        if given.command == "truth":
            return _truth(given)
        return _advance(given)
    except (WorldError, FaultError) as error:
        print(error, file=sys.stderr)
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run all servers until SIGTERM")
    serve.add_argument("--home", type=Path, required=True)
    for name, value in DEFAULTS.items():
        serve.add_argument(f"--{name}", type=int, help=f"default {value}, or what the home began with")
    serve.add_argument("--clock", type=_instant, help=f"default {DEFAULT_CLOCK}, or what the home began with")
    serve.add_argument("--limits", choices=("vendor", "off"), default="vendor")
    serve.add_argument(
        "--limit",
        action="append",
        default=[],
        type=_limit,
        metavar="NAME=NUMBER",
        help=f"one limit by name, also with --limits off: {', '.join(_LIMITS)}",
    )
    serve.add_argument("--faults", help=f"{', '.join(sorted(PRESETS))}, or JSON as POST /faults takes it")
    serve.add_argument(
        "--while-used",
        type=Path,
        metavar="FILE",
        help="end when no process holds a lock on this file any more",
    )
    truth = commands.add_parser("truth", help="the true KPIs")
    truth.add_argument("--home", type=Path, required=True)
    truth.add_argument("--month", help="YYYY-MM; every complete period when left out")
    truth.add_argument("--json", action="store_true", help="a list of rows rather than a table")
    advance = commands.add_parser("advance", help="move the clock of a running sandbox")
    advance.add_argument("--home", type=Path, required=True)
    advance.add_argument("by", help="such as 7d, 12h, 30m")
    return parser


def _limit(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if name not in _LIMITS or not number.isdigit():
        raise argparse.ArgumentTypeError(f"{text} must be NAME=NUMBER, NAME one of {', '.join(_LIMITS)}")
    return name, int(number)


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text} needs a time zone, as in {DEFAULT_CLOCK}")
    return found.astimezone(UTC).replace(microsecond=0)


def _plan(given: argparse.Namespace) -> Plan:
    """What was asked for, the rest from the home's beginning, the rest from the defaults."""
    before = read_plan(given.home)
    chosen = {
        name: getattr(given, name)
        if getattr(given, name) is not None
        else (getattr(before, name) if before else value)
        for name, value in DEFAULTS.items()
    }
    clock = given.clock or (before.clock if before else _instant(DEFAULT_CLOCK))
    if chosen["months"] < 1 or not 1 <= chosen["first"] <= chosen["last"]:
        raise WorldError("--months and --first must be at least 1 and --last at least --first.")
    return Plan(**chosen, clock=clock)


def _serve(given: argparse.Namespace) -> int:
    from sandbox.serve import serve

    faults = None
    if given.faults is not None:
        try:
            asked: Any = json.loads(given.faults) if given.faults[:1] in "[{" else given.faults
        except json.JSONDecodeError:
            raise FaultError("--faults is no valid JSON.") from None
        faults = parse_faults(asked)
    limits = replace(OFF if given.limits == "off" else VENDOR, **dict(given.limit))
    asyncio.run(serve(given.home, _plan(given), limits, faults, given.while_used))
    return DONE


def _truth(given: argparse.Namespace) -> int:
    control = _control(given.home)
    if control is not None:
        query = f"?month={given.month}" if given.month else ""
        rows = _ask(f"{control}/truth{query}")
    else:
        from sandbox.truth import truth
        from sandbox.world import World

        plan = read_plan(given.home)
        if plan is None:
            raise WorldError(f"No sandbox has run in {given.home}; start one with `python -m sandbox serve`.")
        world = World(given.home, plan)
        try:
            rows = truth(world.log, world.clock, given.month)
        finally:
            world.close()
    if given.json:
        print(json.dumps(rows, ensure_ascii=False))
    else:
        for row in rows:
            value = row["reason"] if row["value"] is None else row["value"]
            print(f"{row['period']:10} {row['kpi']:16} {row['segment']:6} {value}")
    return DONE


def _advance(given: argparse.Namespace) -> int:
    control = _control(given.home)
    if control is None:
        raise WorldError("No sandbox is running on this home; start one with `python -m sandbox serve`.")
    print(json.dumps(_ask(f"{control}/advance", {"by": given.by})))
    return DONE


def _control(home: Path) -> str | None:
    try:
        url: str = json.loads((home / "sandbox.json").read_text())["control"]["base_url"]
        _ask(f"{url}/clock")
    except (OSError, ValueError, KeyError, WorldError):
        return None
    return url


def _ask(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data)  # noqa: S310 - our own loopback address
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=120) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise WorldError(json.load(error)["error"]) from None


if __name__ == "__main__":
    sys.exit(main())
