"""Reads and validates the playbook: how this business runs, as YAML that an analyst edits."""

import hashlib
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from playbook.base import Bilingual
from playbook.categories import Categories
from playbook.finance import Finance, Plan

# The C parser reads the same YAML ten times as fast; where it was not built, Python's own serves.
_SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

SHIPPED = Path(__file__).parent
LANGUAGES = ("es", "en")
READ_AS_DATA = (".yaml", ".j2")
INDUSTRIES = (
    "clinics",
    "legal",
    "retail",
    "hospitality",
    "real_estate",
    "education",
    "logistics",
    "consulting",
)

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]+$")]
ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
M = TypeVar("M", bound=BaseModel)
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class PlaybookError(Exception):
    """The playbook cannot be used; the message names the file, the place and what to do."""


class _Model(BaseModel):
    # A misspelt key must not be ignored: the analyst would believe that it counts.
    model_config = ConfigDict(extra="forbid", frozen=True)


def _require_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"'{name}' is no time zone; write one such as Europe/Madrid") from error
    return name


class Reader(_Model):
    """Somebody who gets the reports by mail, in their language."""

    email: Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")]
    language: Literal["es", "en"]


class Company(_Model):
    """Who we are: how mails are signed and in which zone and currency days and money are counted."""

    name: str
    zone: str
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    languages: tuple[Literal["es", "en"], ...]
    sender_name: str
    sender_email: Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")]
    reply_to: Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")]
    postal_address: str
    survey_url: Annotated[str, Field(pattern=r"^https?://")]
    help_url: Annotated[str, Field(pattern=r"^https?://")]
    unsubscribe_url: Annotated[str, Field(pattern=r"^https://")] | None = None
    report_readers: tuple[Reader, ...] = ()
    task_owner: str | None = None

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return _require_zone(value)


class TeamMember(_Model):
    """A post, filled from `start` to `end` (local dates, end exclusive); cost a month in home currency."""

    id: Identifier
    role: str
    fte: Annotated[float, Field(gt=0)]
    start: date
    end: date | None = None
    monthly_cost: Annotated[Decimal, Field(ge=0)]
    direct: bool = False
    acquisition: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> "TeamMember":
        if self.end is not None and self.end <= self.start:
            raise ValueError("the end is not after the start")
        return self


class Account(_Model):
    """How one account of the books counts.

    `pgc` is its code in the Spanish chart, `view` the line of the management view that it belongs to.
    """

    name: str
    kind: Literal["revenue", "direct", "operating", "financial", "tax_on_profit", "balance"]
    acquisition: bool = False
    pgc: Annotated[str, Field(pattern=r"^[1-9]\d{0,9}$")] | None = None
    view: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")] | None = None

    @field_validator("pgc", mode="before")
    @classmethod
    def _code(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _same_nature(self) -> "Account":
        # Groups 6 and 7 of the Spanish chart are cost and income, 1 to 5 the balance sheet.
        if self.pgc is not None and (self.pgc[0] in "12345") != (self.kind == "balance"):
            raise ValueError(
                f"pgc {self.pgc} is {'' if self.pgc[0] in '12345' else 'not '}of the balance sheet, "
                f"kind {self.kind} is {'' if self.kind == 'balance' else 'not '}; correct one of them"
            )
        return self


class ChecklistItem(_Model):
    """One thing to be done in onboarding; `property` is the HubSpot company property with its date."""

    item: Identifier
    property: Identifier
    required: bool
    label: Bilingual


class Onboarding(_Model):
    """The onboarding checklist."""

    checklist: Annotated[tuple[ChecklistItem, ...], Field(min_length=1)]


class Calendar(_Model):
    """Open hours: `always`, or the periods of each weekday (local wall time, end exclusive) less holidays."""

    zone: str
    always: bool = False
    periods: dict[Weekday, tuple[tuple[ClockTime, ClockTime], ...]] = {}
    holidays: tuple[date, ...] = ()

    @model_validator(mode="after")
    def _sensible(self) -> "Calendar":
        _require_zone(self.zone)
        if not self.always and not any(self.periods.values()):
            raise ValueError("the calendar is never open; give periods, or always: true")
        for day, periods in self.periods.items():
            ends = ["00:00"]
            for start, end in periods:
                if not ends[-1] <= start < end:
                    raise ValueError(f"{day}: {start}-{end} is empty or overlaps the period before it")
                ends.append(end)
        return self


class SlaLevel(_Model):
    """What one support level promises, in minutes of its calendar; `team` is the Intercom team's name."""

    team: str
    calendar: str
    first_answer_minutes: Annotated[int, Field(gt=0)]
    resolution_minutes: Annotated[int, Field(gt=0)]


class Sla(_Model):
    """Support levels and the calendars they count on."""

    calendars: dict[str, Calendar]
    levels: dict[str, SlaLevel]

    @model_validator(mode="after")
    def _known_calendars(self) -> "Sla":
        for name, level in self.levels.items():
            if level.calendar not in self.calendars:
                raise ValueError(f"levels.{name}.calendar: there is no calendar '{level.calendar}'")
        return self


class Target(_Model):
    """The band a figure should stay in; an open side has no bound."""

    target_low: float | None = None
    target_high: float | None = None


class Source(_Model):
    """Where data comes from; `id` names the connector and the raw tables.

    `reads` is api (connectors/<id>.py) or files (the folder of exports). Every `sweep_hours` an api source is
    read whole again.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*$")]
    name: Bilingual
    reads: Literal["api", "files"]
    sweep_hours: Annotated[float, Field(gt=0)] = 24


class CustomProperty(_Model):
    """A field of the account's own that gets a typed column in the staging table of its resource.

    `property` is its name at the vendor. What cannot be read as `type` is empty in the column and stands in
    quality.rejected.
    """

    source: str
    resource: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    property: Annotated[str, Field(pattern=r"^[^\"'\\]+$")]
    column: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    type: Literal["text", "integer", "bigint", "double", "decimal", "boolean", "date", "timestamptz"]


class Kpi(_Model):
    """One figure: what it is called, what it means, who answers for it, where it should be.

    `needs` names the sources that it cannot do without, or resources of them (`hubspot.tickets`): the figure
    is then touched by what happens to these alone.
    """

    id: Identifier
    name: Bilingual
    definition: Bilingual
    unit: Literal["ratio", "share", "hours", "minutes", "money", "points", "count"]
    owner: str
    direction: Literal["higher", "lower", "range"]
    target_low: float | None = None
    target_high: float | None = None
    segments: dict[str, Target] = {}
    needs: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(\.[a-z][a-z0-9_]*)?$")], ...] = ()

    def needs_of(self, source: str) -> tuple[str, ...]:
        """Those of its needs that are the source or a resource of it."""
        return tuple(need for need in self.needs if need.partition(".")[0] == source)


class Step(_Model):
    """One message or task of a journey, due `after_days` after a client's start or an invoice's due date."""

    id: Identifier
    channel: Literal["mail", "hubspot_task"]
    template: Annotated[str, Field(pattern=r"^[a-z0-9_]+(\{industry\})?$")]
    after_days: Annotated[int, Field(ge=0)]
    latest_useful_days: Annotated[int, Field(gt=0)]
    when: Literal["always", "call_needed"] = "always"
    kind: Literal["transactional", "promotional"]


class Journey(_Model):
    """Steps that a new client goes through once, or (`of: invoice`) each invoice that is not paid in time."""

    id: Identifier
    of: Literal["client", "invoice"] = "client"
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]


class AlertRule(_Model):
    """When something looks wrong. A KPI rule fires beyond `fire` and clears only beyond `clear`."""

    id: Identifier
    kind: Literal[
        "source_late",
        "source_partial",
        "source_failed",
        "gate_failed",
        "kpi",
        "outbox_unknown",
        "job_failed",
    ]
    severity: Literal["info", "warning", "critical"]
    kpi: str | None = None
    segment: str = "all"
    grain: Literal["week", "month", "quarter"] | None = None
    fire_below: float | None = None
    clear_at_least: float | None = None
    fire_above: float | None = None
    clear_at_most: float | None = None
    min_n: Annotated[int, Field(ge=0)] = 0
    grace_hours: Annotated[float, Field(ge=0)] = 0
    title: Bilingual
    what_to_do: Bilingual

    @model_validator(mode="after")
    def _complete(self) -> "AlertRule":
        if self.kind != "kpi":
            return self
        below = self.fire_below is not None and self.clear_at_least is not None
        above = self.fire_above is not None and self.clear_at_most is not None
        if self.kpi is None or self.grain is None or below == above:
            raise ValueError(
                "a kpi rule needs kpi, grain, and either fire_below with clear_at_least "
                "or fire_above with clear_at_most"
            )
        if below and (self.clear_at_least or 0) < (self.fire_below or 0):
            raise ValueError("clear_at_least lies below fire_below; the alert would fire and clear at once")
        if above and (self.clear_at_most or 0) > (self.fire_above or 0):
            raise ValueError("clear_at_most lies above fire_above; the alert would fire and clear at once")
        return self


class Retention(_Model):
    """How long what is kept."""

    landing_days: Annotated[int, Field(ge=1)]
    builds_kept: Annotated[int, Field(ge=1)]


class Revenue(_Model):
    """What counts as recurring revenue: from where, until when, before or after discounts."""

    policy: Literal["deals", "subscriptions", "invoices"] = "deals"
    churn_date: Literal["service", "billing", "notice"] = "service"
    discounts: Literal["net", "list"] = "net"
    reactivation_in_nrr: bool = False
    overdue_days: Annotated[int, Field(ge=0)] | None = None
    renewal_days: Annotated[int, Field(ge=0)] = 10
    one_off: tuple[Annotated[str, Field(min_length=1)], ...] = ()


class Playbook(_Model):
    """Everything the business has decided about itself. `digest` changes when any of its files does."""

    folder: Path
    company: Company
    sources: tuple[Source, ...]
    properties: tuple[CustomProperty, ...]
    team: tuple[TeamMember, ...]
    accounts: tuple[Account, ...]
    categories: Categories
    revenue: Revenue = Revenue()
    onboarding: Onboarding
    sla: Sla
    kpis: tuple[Kpi, ...]
    journeys: tuple[Journey, ...]
    alerts: tuple[AlertRule, ...]
    retention: Retention
    finance: Finance
    plan: Plan | None
    wording: dict[str, dict[str, Any]]
    digest: str

    @property
    def source_ids(self) -> tuple[str, ...]:
        """Every source's id, in reading order."""
        return tuple(source.id for source in self.sources)

    @property
    def api_sources(self) -> tuple[str, ...]:
        """The ids of the sources that are read through a connector, in reading order."""
        return tuple(source.id for source in self.sources if source.reads == "api")

    @property
    def client_journeys(self) -> tuple[Journey, ...]:
        """The journeys that a client goes through."""
        return tuple(journey for journey in self.journeys if journey.of == "client")

    def source(self, source_id: str) -> Source:
        """The source of that id. Raises KeyError."""
        for source in self.sources:
            if source.id == source_id:
                return source
        raise KeyError(source_id)

    def kpi(self, kpi_id: str) -> Kpi:
        """The KPI of that id. Raises KeyError."""
        for kpi in self.kpis:
            if kpi.id == kpi_id:
                return kpi
        raise KeyError(kpi_id)


def load_playbook(folder: Path | None = None) -> Playbook:
    """The playbook in `folder` (default: the one that ships with Tenfold).

    Raises PlaybookError("file.yaml: what, where, what to do").
    """
    root = (folder or SHIPPED).resolve()
    sources = _read_list(root, "sources", Source)
    playbook = Playbook(
        folder=root,
        company=_read(root, "company", Company),
        sources=sources,
        properties=_read_list(root, "properties", CustomProperty, optional=True),
        team=_read_list(root, "team", TeamMember),
        accounts=_read_list(root, "accounts", Account),
        categories=_read(root, "categories", Categories),
        # A playbook from before there was a choice counts as it always did.
        revenue=_read(root, "revenue", Revenue) if (root / "revenue.yaml").exists() else Revenue(),
        onboarding=_read(root, "onboarding", Onboarding),
        sla=_read(root, "sla", Sla),
        kpis=_read_list(root, "kpis", Kpi),
        journeys=_read_list(root, "journeys", Journey),
        alerts=_read_list(root, "alerts", AlertRule),
        retention=_read(root, "retention", Retention),
        finance=_read(root, "finance", Finance) if (root / "finance.yaml").exists() else Finance(),
        plan=_read(root, "plan", Plan) if (root / "plan.yaml").exists() else None,
        wording={
            language: _read_wording(root, language)
            | {f"source.{source.id}": source.name.in_language(language) for source in sources}
            for language in LANGUAGES
        },
        digest=_digest(root),
    )
    _check_identity(playbook)
    _check_references(playbook)
    return playbook


def with_categories(playbook: Playbook, path: Path) -> Playbook:
    """The playbook with another file's categories, to try them before they count. Raises PlaybookError."""
    data = _parse(path.parent, path.name)
    tried = playbook.model_copy(update={"categories": _validated(path.name, data, Categories, prefix="")})
    _check_accounts(tried)
    return tried


def _digest(root: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in READ_AS_DATA):
        total.update(f"{path.relative_to(root).as_posix()}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def _parse(root: Path, name: str) -> Any:
    path = root / name
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_SAFE)  # noqa: S506 - safe
    except FileNotFoundError:
        raise PlaybookError(
            f"{name}: the file is missing in {root}; copy it from the shipped playbook"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PlaybookError(
            f"{name}: cannot be read as UTF-8 text ({type(error).__name__}); save it anew"
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        problem = getattr(error, "problem", None) or "is not YAML"
        raise PlaybookError(f"{name}: {place}: {problem}; correct the indentation or quoting there") from None


def _read(root: Path, name: str, model: type[M]) -> M:
    file = f"{name}.yaml"
    return _validated(file, _parse(root, file), model, prefix="")


def _read_list(root: Path, name: str, model: type[M], *, optional: bool = False) -> tuple[M, ...]:
    """The entries of a list; one that is `optional` may be empty or missing."""
    file = f"{name}.yaml"
    if optional and not (root / file).exists():
        return ()
    data = _parse(root, file)
    if optional and not data:
        return ()
    if not isinstance(data, list) or not data:
        raise PlaybookError(f"{file}: is no list; write one entry per line, each beginning with '- '")
    return tuple(
        _validated(file, item, model, prefix=_entry(number, item)) for number, item in enumerate(data, 1)
    )


def _entry(number: int, item: object) -> str:
    """How an analyst finds the entry: its own name where it has one, else its number."""
    if isinstance(item, dict):
        for key in ("id", "name", "item", "property"):
            if isinstance(item.get(key), str):
                return f"{item[key]}."
    return f"entry {number}."


def _validated(file: str, data: object, model: type[M], prefix: str) -> M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = []
        for fault in error.errors(include_url=False, include_context=False):
            place = prefix + ".".join(str(part) for part in fault["loc"])
            message = fault["msg"].removeprefix("Value error, ")
            given = (
                "" if fault["type"] in {"missing", "value_error"} else f" (found {_short(fault['input'])})"
            )
            faults.append(f"{place.rstrip('.') or 'the file'}: {message}{given}")
        raise PlaybookError(f"{file}: {'; '.join(faults)}. Correct it in {file}.") from None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _read_wording(root: Path, language: str) -> dict[str, Any]:
    """What people read in reports, and what clients and colleagues read in messages: one catalogue."""
    catalogue: dict[str, Any] = {}
    for file in (
        f"wording/{language}.yaml",
        f"wording/messages.{language}.yaml",
        f"wording/finance.{language}.yaml",
    ):
        data = _parse(root, file)
        if not isinstance(data, dict):
            raise PlaybookError(f"{file}: is no catalogue; write 'key: text' lines")
        if twice := catalogue.keys() & data.keys():
            raise PlaybookError(f"{file}: '{min(twice)}' stands in wording/{language}.yaml too; keep one")
        catalogue |= data
    return catalogue


def _check_identity(playbook: Playbook) -> None:
    _unique("sources.yaml", "id", playbook.source_ids)
    _unique("properties.yaml", "column", (f"{p.source}.{p.resource}.{p.column}" for p in playbook.properties))
    _unique("team.yaml", "id", (member.id for member in playbook.team))
    _unique("accounts.yaml", "name", (account.name for account in playbook.accounts))
    _unique("onboarding.yaml", "item", (item.item for item in playbook.onboarding.checklist))
    _unique("kpis.yaml", "id", (kpi.id for kpi in playbook.kpis))
    _unique("journeys.yaml", "id", (journey.id for journey in playbook.journeys))
    _unique("alerts.yaml", "id", (rule.id for rule in playbook.alerts))
    for journey in playbook.journeys:
        _unique("journeys.yaml", f"step of {journey.id}", (step.id for step in journey.steps))


def _unique(file: str, what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise PlaybookError(f"{file}: the {what} '{value}' stands twice; remove or rename one of them")
        seen.add(value)


def _check_references(playbook: Playbook) -> None:
    for kpi in playbook.kpis:
        if unknown := sorted({need.partition(".")[0] for need in kpi.needs} - set(playbook.source_ids)):
            raise PlaybookError(
                f"kpis.yaml: {kpi.id}.needs: there is no source '{unknown[0]}'; use an id of sources.yaml, "
                "alone or with a resource (hubspot.tickets)"
            )
    for found in playbook.properties:
        if found.source not in playbook.source_ids:
            raise PlaybookError(
                f"properties.yaml: {found.property}.source: there is no source '{found.source}'; "
                "use an id of sources.yaml"
            )
    _check_accounts(playbook)
    known = {kpi.id for kpi in playbook.kpis}
    for rule in playbook.alerts:
        if rule.kpi is not None and rule.kpi not in known:
            raise PlaybookError(
                f"alerts.yaml: {rule.id}.kpi: there is no KPI '{rule.kpi}'; use an id of kpis.yaml"
            )
    for journey in playbook.journeys:
        for step in journey.steps:
            for template in template_names(step):
                for language in playbook.company.languages:
                    path = playbook.folder / "templates" / language / f"{template}.j2"
                    if not path.is_file():
                        raise PlaybookError(
                            f"journeys.yaml: {journey.id}.{step.id}.template: "
                            f"templates/{language}/{template}.j2 is missing; write it or name another"
                        )


def _check_accounts(playbook: Playbook) -> None:
    accounts = {account.name for account in playbook.accounts}
    for place, name in playbook.categories.accounts:
        if name not in accounts:
            raise PlaybookError(
                f"categories.yaml: {place}: there is no account '{name}'; use a name of accounts.yaml"
            )


def template_names(step: Step) -> tuple[str, ...]:
    """Every template file that the step may use: one, or one per industry (and `general` for any other)."""
    if "{industry}" not in step.template:
        return (step.template,)
    return tuple(step.template.format(industry=industry) for industry in (*INDUSTRIES, "general"))
