"""A sandbox with small limits: the vendors' servers, in a process that says its addresses on one line."""

import asyncio
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sandbox.faults import parse_faults
from sandbox.limits import VENDOR
from sandbox.serve import serve
from sandbox.world import Plan

if __name__ == "__main__":
    home, limits, faults = Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
    plan = Plan(seed=7, months=1, first=1, last=1, clock=datetime(2026, 11, 16, 7, tzinfo=UTC))
    asyncio.run(serve(home, plan, replace(VENDOR, **limits), parse_faults(faults)))
