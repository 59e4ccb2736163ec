"""Where the shared limits lie: one place for each account and machine, and what happens when it is unusable."""

import os
from pathlib import Path

import pytest

from connectors import registry
from connectors.errors import FixConfig
from connectors.pages import Access
from connectors.shared_files import AccountFiles, open_shared
from settings import HubSpotSettings, IntercomSettings, MailchimpSettings, Settings

MONTH = 30 * 86_400


def files(
    folder: Path, base_url: str = "https://api.test", key: str = "pat-1", now: float = 0
) -> AccountFiles:
    return AccountFiles(folder, "hubspot", base_url, key, clock=lambda: now)


def test_an_account_has_one_name_and_no_other_has_the_same(tmp_path: Path) -> None:
    here = files(tmp_path).path("all")
    assert files(tmp_path, "https://api.test/").path("all") == here
    others = [
        files(tmp_path, key="pat-2").path("all"),
        files(tmp_path, "http://127.0.0.1:4000").path("all"),
        files(tmp_path).path("search"),
        AccountFiles(tmp_path, "intercom", "https://api.test", "pat-1").path("all"),
    ]
    assert len({here, *others}) == 5


def test_no_file_name_tells_the_credential(tmp_path: Path) -> None:
    assert "pat-1" not in files(tmp_path).name("all")


def test_what_nobody_has_used_for_a_month_is_removed_and_nothing_else(tmp_path: Path) -> None:
    now = 2_000_000_000
    used, unused, foreign = files(tmp_path).path("all"), files(tmp_path).path("search"), tmp_path / "notes"
    for path, age in ((used, MONTH - 60), (unused, MONTH + 60), (foreign, 2 * MONTH)):
        open_shared(path).close()
        os.utime(path, (now - age, now - age))
    os.utime(tmp_path / ".guard", (now - 86_000, now - 86_000))
    files(tmp_path, now=now)
    assert unused.exists()  # looked at once a day
    os.utime(tmp_path / ".guard", (now - 87_000, now - 87_000))
    files(tmp_path, now=now)
    assert (used.exists(), unused.exists(), foreign.exists()) == (True, False, True)


def test_opening_a_file_counts_as_use(tmp_path: Path) -> None:
    path = files(tmp_path).path("all")
    open_shared(path).close()
    os.utime(path, (0, 0))
    open_shared(path).close()
    assert path.stat().st_mtime > 1_700_000_000


def test_a_folder_that_cannot_be_used_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    with pytest.raises(FixConfig, match=r"state/limits.*set TENFOLD_LIMITS__FOLDER"):
        files(tmp_path / "state" / "limits")


SETTINGS = Settings(
    _env_file=None,
    hubspot=HubSpotSettings(token="pat-SECRET"),
    intercom=IntercomSettings(token="dG9r-SECRET"),
    mailchimp=MailchimpSettings(api_key="SECRET-us19"),
)


@pytest.mark.parametrize("name", ["hubspot", "intercom", "mailchimp"])
def test_each_vendor_keeps_its_limits_in_the_folder_and_opens_them_again(tmp_path: Path, name: str) -> None:
    for _ in range(2):
        connector = registry.connect(name, Access(SETTINGS, tmp_path / "limits"))
        assert connector is not None
        connector.close()
    kept = [path.name for path in (tmp_path / "limits").glob("*.shared")]
    assert kept
    assert all(each.startswith(f"{name}-") and "SECRET" not in each for each in kept)


@pytest.mark.parametrize("name", ["hubspot", "intercom", "mailchimp"])
def test_a_vendor_whose_limits_cannot_be_shared_is_not_asked(tmp_path: Path, name: str) -> None:
    (tmp_path / "limits").write_text("")
    with pytest.raises(FixConfig, match="TENFOLD_LIMITS__FOLDER"):
        registry.connect(name, Access(SETTINGS, tmp_path / "limits"))
