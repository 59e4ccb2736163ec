"""Typed settings, read from the environment (prefix TENFOLD_) or `.env`. Knows no other module of ours."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import (
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    UrlConstraints,
    ValidationError,
    field_validator,
)
from pydantic_core import Url
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError

SmtpUrl = Annotated[Url, UrlConstraints(allowed_schemes=["smtp", "smtps"], host_required=True)]
SourceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*$")]


class SettingsError(Exception):
    """A setting that cannot be used; the message is one sentence that names it and says what to write."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HubSpotSettings(_Section):
    """Access to one HubSpot portal; without a token the source is not configured.

    `webhook_secret` is the client secret of the app whose webhooks we take (of each vendor: several, parted
    by spaces or commas, while one is being replaced).
    """

    token: SecretStr | None = None
    base_url: AnyHttpUrl = AnyHttpUrl("https://api.hubapi.com")
    webhook_secret: SecretStr | None = None
    requests_per_10s: int = Field(default=100, ge=1)
    searches_per_second: int = Field(default=5, ge=1)
    # Of the whole account, as HubSpot counts; without it the vendor's own word, 250,000 until it is heard.
    calls_per_day: int | None = Field(default=None, ge=1)
    # The share of the day's calls that reading leaves to follow-ups.
    reserve_per_day: float = Field(default=0.05, ge=0, lt=1)


class IntercomSettings(_Section):
    """Access to one Intercom workspace; without a token the source is not configured."""

    token: SecretStr | None = None
    base_url: AnyHttpUrl = AnyHttpUrl("https://api.intercom.io")
    version: str = "2.16"
    webhook_secret: SecretStr | None = None
    # 10,000 a minute and private app, in windows of 10 s; a workspace with less says so in its answers.
    requests_per_10s: int = Field(default=1_600, ge=1)


class MailchimpSettings(_Section):
    """Access to one Mailchimp account; the key's suffix names the data centre unless base_url is given.

    `webhook_url_secret` is the last part of the webhook's address, `webhook_secret` what Mailchimp signs
    with: once it is set, a delivery without a signature is refused.
    """

    api_key: SecretStr | None = None
    base_url: AnyHttpUrl | None = None
    webhook_secret: SecretStr | None = None
    webhook_url_secret: SecretStr | None = None
    connections: int = Field(default=5, ge=1, le=10)


class SourceSettings(_Section):
    """Access to one account of a declared source (docs/add-a-source.md); not configured without a token.

    `requests_per_second` takes the place of the limit that the source declares.
    """

    token: SecretStr | None = None
    base_url: AnyHttpUrl | None = None
    requests_per_second: float | None = Field(default=None, gt=0)


class AccountingSettings(_Section):
    """The folder that accounting exports are dropped into; default `<home>/inbox`."""

    inbox: Path | None = None


class SmtpSettings(_Section):
    """Where mail is handed over: smtp://user:password@host:587 or smtps://…:465."""

    url: SmtpUrl | None = None


class OpenAISettings(_Section):
    """Access to a model server that speaks OpenAI's protocol."""

    api_key: SecretStr | None = None
    base_url: AnyHttpUrl | None = None
    model: str | None = None


class AlertSettings(_Section):
    """Where alerts go, as Apprise URLs separated by spaces or commas."""

    urls: Annotated[tuple[SecretStr, ...], NoDecode] = ()

    @field_validator("urls", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(SecretStr(url) for url in value.replace(",", " ").split())
        return value


class HttpSettings(_Section):
    """How long to wait for a vendor's answer, and how often to ask before giving up."""

    timeout_seconds: float = Field(default=60.0, gt=0)
    attempts: int = Field(default=6, ge=1)


class LimitsSettings(_Section):
    """Where all processes of this machine count together what they ask of the vendors."""

    folder: Path | None = None


class WarehouseSettings(_Section):
    """The DuckDB file (default `<home>/warehouse.duckdb`), its encryption key, and DuckDB's memory."""

    url: str | None = None
    key: SecretStr | None = None
    memory: str = Field(default="300MB", pattern=r"^[1-9]\d*(MB|GB)$")


class LedgerSettings(_Section):
    """The operational database, as an SQLAlchemy URL; default SQLite in the home."""

    url: SecretStr | None = None


class ConsoleSettings(_Section):
    """The web console. `public_url` is where the outside reaches it, through a proxy with TLS."""

    secret: SecretStr | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=4280, ge=1, le=65535)
    public_url: AnyHttpUrl | None = None


class MandrillSettings(_Section):
    """Access to Mailchimp Transactional."""

    key: SecretStr | None = None
    base_url: AnyHttpUrl = AnyHttpUrl("https://mandrillapp.com/api/1.3")


class Settings(BaseSettings):
    """All settings of one home."""

    model_config = SettingsConfigDict(
        env_prefix="TENFOLD_", env_nested_delimiter="__", env_file=".env", extra="ignore", frozen=True
    )

    home: Path = Path("data")
    playbook: Path | None = None
    hubspot: HubSpotSettings = HubSpotSettings()
    intercom: IntercomSettings = IntercomSettings()
    mailchimp: MailchimpSettings = MailchimpSettings()
    sources: dict[SourceName, SourceSettings] = {}
    accounting: AccountingSettings = AccountingSettings()
    smtp: SmtpSettings = SmtpSettings()
    openai: OpenAISettings = OpenAISettings()
    alerts: AlertSettings = AlertSettings()
    http: HttpSettings = HttpSettings()
    limits: LimitsSettings = LimitsSettings()
    warehouse: WarehouseSettings = WarehouseSettings()
    ledger: LedgerSettings = LedgerSettings()
    console: ConsoleSettings = ConsoleSettings()
    mandrill: MandrillSettings = MandrillSettings()

    @property
    def has_credentials(self) -> bool:
        """True when at least one real source is configured; without any, `run` uses the sandbox."""
        ours = (self.hubspot.token, self.intercom.token, self.mailchimp.api_key, self.accounting.inbox)
        return any(ours) or any(source.token for source in self.sources.values())

    @property
    def inbox(self) -> Path:
        """The folder watched for accounting exports."""
        return self.accounting.inbox or self.home / "inbox"

    @property
    def limits_folder(self) -> Path:
        """The folder of the shared limits: one for all homes of a user, because a token's limit is one."""
        if self.limits.folder is not None:
            return self.limits.folder
        state = Path(os.environ.get("XDG_STATE_HOME", ""))
        if not state.is_absolute():  # the XDG rule for a relative one: as if it were not set
            try:
                state = Path.home() / ".local" / "state"
            except RuntimeError:  # a user without a home folder
                return self.home / "limits"
        return state / "tenfold" / "limits"


def load_settings() -> Settings:
    """The settings of this process.

    Raises SettingsError with one sentence per malformed setting; the value itself is never repeated,
    because it may be a secret.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = []
        for fault in error.errors(include_url=False, include_context=False, include_input=False):
            # pydantic's word for a name that is wrong itself is no part of it.
            parts = [str(part) for part in fault["loc"] if part != "[key]"]
            name = "TENFOLD_" + "__".join(parts).upper()
            lines.append(f"{name}: {fault['msg']}")
        raise SettingsError("; ".join(lines) + ". Correct it in the environment or in .env.") from None
    except SourceError as error:
        raise SettingsError(f"{error}. Correct it in the environment or in .env.") from None
