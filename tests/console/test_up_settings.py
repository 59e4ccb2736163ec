"""Scheduled runs work in the project's folder; they must find what `tenfold up` found where it was started."""

from pathlib import Path

import pytest

from console.up import AlreadyUp, only_one, worker_environment
from settings import load_settings

API = "http://127.0.0.1:1/api"


def test_paths_of_the_place_it_was_started_in_become_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("TENFOLD_HUBSPOT__TOKEN=a-token\nTENFOLD_HOME=mine\nOTHER=1\n")
    monkeypatch.setenv("TENFOLD_ACCOUNTING__INBOX", "drop")
    env = worker_environment(load_settings(), API, {"TENFOLD_ACCOUNTING__INBOX": "drop", "PATH": "/bin"})
    assert env["TENFOLD_HOME"] == str(tmp_path / "mine")
    assert env["TENFOLD_ACCOUNTING__INBOX"] == str(tmp_path / "drop")
    assert env["TENFOLD_HUBSPOT__TOKEN"] == "a-token"
    assert env["PREFECT_API_URL"] == API
    assert "OTHER" not in env


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("TENFOLD_HUBSPOT__TOKEN=of-the-file\n")
    env = worker_environment(load_settings(), API, {"TENFOLD_HUBSPOT__TOKEN": "of-the-shell"})
    assert env["TENFOLD_HUBSPOT__TOKEN"] == "of-the-shell"


def test_one_home_has_one_up(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(AlreadyUp, match="already runs"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass
