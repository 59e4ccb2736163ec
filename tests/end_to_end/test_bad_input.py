"""Every bad input through the real command: a clear sentence, the right exit code, and nothing lost.

One home goes through all of it; the last test heals it with a plain sync and asks the sandbox for the truth.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from house import ROOT, House, World, differences, figures, running_world

TINY = ("--months", "1", "--first", "4", "--last", "6")
IMPATIENT = {"TENFOLD_HTTP__TIMEOUT_SECONDS": "0.5", "TENFOLD_HTTP__ATTEMPTS": "1"}
PRIVATE = re.compile(r"Traceback|pat-eu1-|dG9rOn|-us19|[\w.+-]+@[\w-]+\.\w+")


@dataclass(frozen=True)
class Troubled:
    """A home that published one good build, a day later, with the sandbox that fills it."""

    house: House
    world: World
    published: dict[str, Any]

    def tenfold(self, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
        done = House(self.house.home, {**self.house.env, **IMPATIENT, **env}).tenfold(*arguments)
        assert not PRIVATE.search(done.stdout + done.stderr), done.stdout + done.stderr
        return done

    def copy(self, folder: Path) -> "Troubled":
        """The same home to be broken for good."""
        shutil.copytree(self.house.home, folder, dirs_exist_ok=True)
        return Troubled(House(folder, self.house.env), self.world, self.published)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Troubled]:
    house = House(tmp_path_factory.mktemp("troubled"))
    with running_world(house.home, *TINY) as world:
        house.json("sync")
        published = house.json("publish")
        world.advance("1d")
        yield Troubled(house, world, published)


@pytest.mark.parametrize(
    ("vendor", "fault", "said"),
    [
        ("hubspot", {"kind": "truncate_page"}, "truncated JSON; run it again later"),
        ("mailchimp", {"kind": "html_instead_of_json"}, "a web page instead of JSON; check the base URL"),
        ("intercom", {"kind": "status", "status": 401}, "the token is not accepted; create a new one"),
        (
            "hubspot",
            {"kind": "status", "status": 403, "path": "/crm/owners"},
            "not permitted; it needs crm.objects.owners.read",
        ),
        ("intercom", {"kind": "status", "status": 429}, "too many requests; run it again later"),
        ("mailchimp", {"kind": "status", "status": 503}, "the vendor has a fault; run it again later"),
        ("mailchimp", {"kind": "slow", "seconds": 5}, "timed out; run it again later"),
        ("intercom", {"kind": "cut_connection"}, "was cut off or truncated; run it again later"),
    ],
    ids=["truncated", "html", "401", "403", "429", "503", "timeout", "cut"],
)
def test_a_vendors_trouble_is_said_with_what_to_do(
    home: Troubled, vendor: str, fault: dict[str, Any], said: str
) -> None:
    home.world.faults({**fault, "vendor": vendor})
    try:
        done = home.tenfold("sync", vendor, "--json")
    finally:
        home.world.faults()
    assert done.returncode == 3
    (account,) = json.loads(done.stdout)
    assert account["state"] == ("partial" if "path" in fault else "failed")
    assert said in account["reason"]
    # The resources concerned come first, each once.
    assert re.fullmatch(rf"([a-z_]+: )?{vendor}: .*", account["reason"].split("; ")[0])


def test_fields_that_vanished_hold_their_source_back_and_are_named(home: Troubled) -> None:
    lost = {"hubspot": "tenfold_onb_platform_access_at", "intercom": "state", "mailchimp": "emails_sent"}
    home.world.faults(
        *({"kind": "lost_field", "vendor": vendor, "field": field} for vendor, field in lost.items())
    )
    try:
        home.tenfold("sync", "--full")
    finally:
        home.world.faults()
    done = home.tenfold("publish", "--json")
    assert done.returncode == 3
    held = json.loads(done.stdout)["held_back"]
    assert {source: lost[source] in reason for source, reason in held.items()} == dict.fromkeys(lost, True)
    stale = home.house.json("query", "select distinct kpi from kpi.value where stale_since is not null")
    assert {"K2", "K3", "K14", "MRR"} <= {row["kpi"] for row in stale}
    clients = home.house.json("query", "select count(*) as n from core.client where is_active")
    assert clients[0]["n"] > 0


def test_bad_files_in_the_inbox_are_named_and_stop_no_other(home: Troubled) -> None:
    inbox = Path(home.world.said["inbox"])
    whole = next(inbox.glob("quickbooks-journal-*.csv")).read_bytes()
    bad = {
        "half.csv": (whole[: len(whole) // 2], "the file is half-written"),
        "empty.csv": (b"", "The file is empty"),
        "noise.csv": (b"\xff\xfe\xd8\xd8\xd8" * 99, "Export it again"),
    }
    for name, (content, _) in bad.items():
        (inbox / name).write_bytes(content)
        os.utime(inbox / name, (1, 1))
    try:
        done = home.tenfold("sync", "accounting", "--json")
    finally:
        for name in bad:
            (inbox / name).unlink()
    assert done.returncode == 3
    (account,) = json.loads(done.stdout)
    assert account["state"] == "partial"
    for name, (_, reason) in bad.items():
        assert re.search(rf"{re.escape(name)}: [^;]*{reason}", account["reason"])


def test_a_full_disk_is_said_and_the_last_build_stays(home: Troubled) -> None:
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 500; exec {sys.executable} -m console.cli publish"],
        cwd=ROOT,
        env=home.house.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert not PRIVATE.search(done.stdout + done.stderr)
    assert "Free some space and run the same command again" in done.stderr
    assert home.house.json("kpi")


@pytest.mark.parametrize(
    ("name", "command", "said"),
    [
        ("warehouse.duckdb", "publish", "warehouse.duckdb in .* is damaged; put a backup in its place"),
        ("published.json", "kpi", "published.json in .* is damaged.*run `tenfold publish`"),
        ("ledger.sqlite", "outbox", "the ledger cannot be opened"),
        ("builds", "kpi", "The build .* is damaged; remove it from"),
    ],
)
def test_a_damaged_file_of_the_home_is_named(
    home: Troubled, tmp_path: Path, name: str, command: str, said: str
) -> None:
    broken = home.copy(tmp_path)
    path = broken.house.sandbox_home / name
    for file in path.glob("*.duckdb") if path.is_dir() else [path]:
        file.write_bytes(b"\0nonsense" * 1000)
    done = broken.tenfold(command)
    assert done.returncode == 1
    assert re.search(said, " ".join(done.stderr.split()))


def test_wrong_use_is_said_without_touching_the_home(home: Troubled, tmp_path: Path) -> None:
    book = shutil.copytree(ROOT / "playbook", tmp_path / "playbook")
    text = (book / "kpis.yaml").read_text()
    (book / "kpis.yaml").write_text(text.replace("unit:", "unti:", 1))
    done = home.tenfold("publish", TENFOLD_PLAYBOOK=str(book))
    assert done.returncode == 2
    assert re.search(r"kpis\.yaml: K1\.unit: .*Correct it", " ".join(done.stderr.split()))
    nowhere = tmp_path / "file"
    nowhere.write_text("not a folder")
    done = home.tenfold("sync", TENFOLD_HOME=str(nowhere))
    assert done.returncode == 1
    assert "set TENFOLD_HOME to a folder" in " ".join(done.stderr.split())


def test_after_all_that_a_plain_sync_brings_back_the_truth(home: Troubled) -> None:
    assert home.tenfold("sync").returncode == 0
    done = home.tenfold("publish", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["as_of"] > home.published["as_of"]
    published, truth = figures(home.house.json("kpi")), figures(home.house.json("sandbox", "truth"))
    assert differences(published, truth) == []
    assert not home.house.json("query", "select 1 as x from kpi.value where stale_since is not null limit 1")
