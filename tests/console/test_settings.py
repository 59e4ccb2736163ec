"""A malformed setting is one clear sentence and exit code 2; a missing one is no error at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from settings import Settings, SettingsError, load_settings

ROOT = Path(__file__).parent.parent.parent


def tenfold(*arguments: str, home: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TENFOLD_", "PREFECT_"))}
    return subprocess.run(
        [sys.executable, "-m", "console.cli", *arguments],
        cwd=ROOT,
        env={**clean, "TENFOLD_HOME": str(home), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TENFOLD_SMTP__URL", "mail.example.com"),
        ("TENFOLD_SMTP__URL", "http://mail.example.com"),
        ("TENFOLD_HUBSPOT__BASE_URL", "not an address"),
        ("TENFOLD_CONSOLE__PORT", "eighty"),
        ("TENFOLD_MAILCHIMP__CONNECTIONS", "11"),
        ("TENFOLD_HUBSPOT__RESERVE_PER_DAY", "1.5"),
        ("TENFOLD_HUBSPOT__CALLS_PER_DAY", "-3"),
        ("TENFOLD_HUBSPOT__TOKNE", "a-typing-error"),
    ],
)
def test_a_malformed_setting_is_named_in_one_sentence(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as caught:
        load_settings()
    assert value not in str(caught.value)


def test_the_command_ends_with_2_and_no_traceback(tmp_path: Path) -> None:
    done = tenfold("kpi", home=tmp_path, TENFOLD_SMTP__URL="nonsense")
    assert done.returncode == 2
    assert "TENFOLD_SMTP__URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_secret_is_not_shown_when_settings_are_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TENFOLD_HUBSPOT__TOKEN", "pat-very-secret")
    monkeypatch.setenv("TENFOLD_ALERTS__URLS", "json://user:pass@host, json://other")
    settings = load_settings()
    assert "very-secret" not in repr(settings)
    assert "pass" not in repr(settings)
    assert len(settings.alerts.urls) == 2


def test_nothing_set_means_nothing_configured_and_the_sandbox(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith("TENFOLD_")]:
        monkeypatch.delenv(name)
    settings: Settings = load_settings()
    assert not settings.has_credentials


def test_doctor_calls_a_source_without_credentials_not_configured(tmp_path: Path) -> None:
    done = tenfold("doctor", "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"detail": "not configured"' in done.stdout


def test_asking_before_anything_is_published_says_what_to_do(tmp_path: Path) -> None:
    done = tenfold("kpi", "--json", home=tmp_path)
    assert done.returncode == 1
    assert "tenfold run" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_command_that_reads_loads_neither_prefect_nor_great_expectations() -> None:
    probe = (
        "import sys, console.cli, console.read;"
        "print([m for m in ('prefect', 'great_expectations', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("variable", "folder"),
    [
        ({"TENFOLD_LIMITS__FOLDER": "/shared/limits"}, "/shared/limits"),
        ({"XDG_STATE_HOME": "/state"}, "/state/tenfold/limits"),
        ({"XDG_STATE_HOME": "relative"}, "/home/ana/.local/state/tenfold/limits"),
        ({}, "/home/ana/.local/state/tenfold/limits"),
    ],
)
def test_limits_are_shared_by_all_homes_of_a_user(
    variable: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/ana")
    for name, value in variable.items():
        monkeypatch.setenv(name, value)
    assert load_settings().limits_folder == Path(folder)
