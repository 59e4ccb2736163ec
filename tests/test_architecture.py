"""Who may import whom: the table of DESIGN section 2, read from the code itself."""

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("playbook", "connectors", "warehouse", "tasks", "flows", "reports", "console", "sandbox")
MAY_IMPORT = {
    "settings": set(),
    "playbook": {"settings"},
    "connectors": {"settings", "playbook"},
    "warehouse": {"settings", "playbook"},
    "reports": {"settings", "warehouse", "playbook"},
    "tasks": {"settings", "connectors", "warehouse", "reports", "playbook"},
    "flows": {"settings", "tasks", "playbook"},
    "console": {"settings", "flows", "tasks", "warehouse", "reports", "playbook"},
    "sandbox": set(),
}
MAY_USE_PREFECT = {"flows", "tasks", "console"}
MAY_USE_DUCKDB = {"warehouse"}


def modules(room: str) -> list[Path]:
    return [ROOT / "settings.py"] if room == "settings" else sorted((ROOT / room).rglob("*.py"))


def imported_names(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names |= {node.module}
    return names


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_what_its_row_allows(room: str) -> None:
    ours = {*ROOMS, "settings", "benchmarks", "tests"}
    allowed = MAY_IMPORT[room] | {room}
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(room)
        for name in imported_names(path)
        if name.split(".")[0] in ours - allowed
    }
    assert wrong == set()


@pytest.mark.parametrize(
    ("library", "rooms"),
    [("prefect", MAY_USE_PREFECT), ("duckdb", MAY_USE_DUCKDB)],
    ids=["prefect", "duckdb"],
)
def test_a_heavy_library_stays_in_its_rooms(library: str, rooms: set[str]) -> None:
    wrong = {
        str(path.relative_to(ROOT))
        for room in set(MAY_IMPORT) - rooms
        for path in modules(room)
        if any(name.split(".")[0] == library for name in imported_names(path))
    }
    assert wrong == set()


def test_only_edges_ask_what_time_it_is() -> None:
    """`as_of` is a parameter; these modules are the edges that may read a clock, each for the reason given."""
    edges = {
        "tasks/context.py",  # turns the clock into as_of
        "warehouse/store.py",  # stamps of files and locks
        "warehouse/landing.py",  # received_at
        "warehouse/raw.py",  # received_at
    }
    pattern = re.compile(r"\bdatetime\.(now|utcnow)\(|\bdate\.today\(|\btime\.time\(\)")
    wrong = {
        str(path.relative_to(ROOT))
        for room in ("playbook", "warehouse", "tasks", "reports", "connectors", "flows")
        for path in modules(room)
        if pattern.search(path.read_text())
    }
    assert wrong - edges == set()


def test_no_machine_path_or_registry_host_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    bad = re.compile("|".join(["/" + "root/", "/" + "work/", "python" + "hosted", r"registry\.np" + "mjs"]))
    found = [
        name
        for name in listed.stdout.split("\0")
        if name and (ROOT / name).is_file() and bad.search((ROOT / name).read_text(errors="replace"))
    ]
    assert found == []


def test_a_required_browser_is_there() -> None:
    """CI sets TENFOLD_TEST_NO_SKIP=browser after installing it; then nothing may skip for want of it."""
    if "browser" not in os.environ.get("TENFOLD_TEST_NO_SKIP", ""):
        pytest.skip("browser tests may skip here")
    found = [p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(p).exists()]
    assert found
