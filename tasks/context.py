"""Which home a command or flow works on, with what settings, and what time it is there."""

import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from pydantic import AnyHttpUrl, SecretStr, TypeAdapter

from settings import (
    AccountingSettings,
    AlertSettings,
    HubSpotSettings,
    IntercomSettings,
    LimitsSettings,
    MailchimpSettings,
    MandrillSettings,
    Settings,
    SmtpSettings,
    SmtpUrl,
)

log = logging.getLogger(__name__)

SANDBOX_FOLDER = "sandbox"
WORLD_FOLDER = "world"  # the simulated company keeps its own state apart from ours
UNLIMITED = 1_000_000  # the sandbox's limits are raised by setting; the limiter's code stays in the path


class SandboxError(Exception):
    """The simulated company cannot be worked with; the message says why and what to do."""


class SandboxNotRunning(SandboxError):
    """No credentials are set and the sandbox that would stand in is not running."""


@dataclass(frozen=True, slots=True)
class Home:
    """One place where Tenfold keeps its data, and how it reaches the outside from there."""

    path: Path
    kind: str  # "real" or "sandbox"
    settings: Settings
    control_url: str | None = None

    @property
    def is_sandbox(self) -> bool:
        """True when every outside system is simulated."""
        return self.kind == "sandbox"


def home_path(settings: Settings) -> tuple[Path, str]:
    """The home's folder and kind: without any credentials it is the sandbox's own, never the real one."""
    if settings.has_credentials:
        return settings.home.resolve(), "real"
    return (settings.home / SANDBOX_FOLDER).resolve(), "sandbox"


def read_sandbox(home: Path) -> dict[str, Any] | None:
    """What a running sandbox says of itself, or None when none answers for this home."""
    try:
        description: dict[str, Any] = json.loads((home / WORLD_FOLDER / "sandbox.json").read_text())
        os.kill(int(description["pid"]), 0)
    except (OSError, ValueError, KeyError):
        return None
    try:
        httpx.get(f"{description['control']['base_url']}/clock", timeout=5).raise_for_status()
    except httpx.HTTPError:
        return None
    return description


def sandbox_settings(settings: Settings, description: dict[str, Any], home: Path) -> Settings:
    """The settings with every outside system pointed at the sandbox, limits raised and kept in its home."""
    url: Callable[[str], AnyHttpUrl] = AnyHttpUrl
    secrets = {name: SecretStr(value) for name, value in description.get("webhooks", {}).items()}
    here = f"http://127.0.0.1:{settings.console.port}"
    return settings.model_copy(
        update={
            "home": home,
            # Its ports change at each start, and each would leave files of its own.
            "limits": LimitsSettings(folder=home / "limits"),
            "hubspot": HubSpotSettings(
                token=SecretStr(description["hubspot"]["token"]),
                base_url=url(description["hubspot"]["base_url"]),
                requests_per_10s=UNLIMITED,
                searches_per_second=UNLIMITED,
                webhook_secret=secrets.get("hubspot_secret"),
            ),
            "intercom": IntercomSettings(
                token=SecretStr(description["intercom"]["token"]),
                base_url=url(description["intercom"]["base_url"]),
                requests_per_10s=UNLIMITED,
                webhook_secret=secrets.get("intercom_secret"),
            ),
            "mailchimp": MailchimpSettings(
                api_key=SecretStr(description["mailchimp"]["api_key"]),
                base_url=url(description["mailchimp"]["base_url"]),
                connections=10,
                webhook_secret=secrets.get("mailchimp_secret"),
                webhook_url_secret=secrets.get("mailchimp_url_secret"),
            ),
            "console": settings.console.model_copy(
                update={"public_url": settings.console.public_url or url(here)}
            ),
            "sources": {},  # it simulates none of those that are declared
            "accounting": AccountingSettings(inbox=Path(description["inbox"])),
            "smtp": SmtpSettings(url=TypeAdapter(SmtpUrl).validate_python(description["smtp"]["url"])),
            # Never the real account's: what the simulated company sends would reach real people.
            "mandrill": MandrillSettings(
                key=SecretStr(description["mandrill"]["key"]),
                base_url=url(description["mandrill"]["base_url"]),
            )
            if "mandrill" in description
            else MandrillSettings(),
            "alerts": settings.alerts
            if settings.alerts.urls
            else AlertSettings(urls=(SecretStr(description["notify"]["url"]),)),
        }
    )


def open_home(settings: Settings) -> Home:
    """The home these settings lead to.

    Raises SandboxNotRunning when there are no credentials and no sandbox answers.
    """
    path, kind = home_path(settings)
    path.mkdir(parents=True, exist_ok=True)
    if kind == "real":
        return Home(path=path, kind=kind, settings=settings.model_copy(update={"home": path}))
    description = read_sandbox(path)
    if description is None:
        raise SandboxNotRunning(
            "No source has credentials and no sandbox is running for this home; "
            "start one with `tenfold sandbox`, or set TENFOLD_HUBSPOT__TOKEN and others."
        )
    effective = sandbox_settings(settings, description, path)
    return Home(path=path, kind=kind, settings=effective, control_url=description["control"]["base_url"])


def current_time(home: Home) -> datetime:
    """The instant to use as `as_of`: the sandbox's virtual clock there, else now (UTC, whole seconds)."""
    if home.control_url is None:
        return datetime.now(UTC).replace(microsecond=0)
    answer = httpx.get(f"{home.control_url}/clock", timeout=10).raise_for_status().json()
    return datetime.fromisoformat(answer["clock"]).astimezone(UTC)
