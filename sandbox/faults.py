"""What goes wrong on purpose: a list of faults, each for one vendor and path prefix, always or N times."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

VENDORS = ("", "hubspot", "intercom", "mailchimp", "mandrill", "smtp")
KINDS = {
    # HubSpot, Intercom, Mandrill: search shows the state of `seconds` ago on the clock
    "search_lag_seconds",
    "disorder",  # HubSpot: search rows sorted by time come out of order
    "duplicates",  # a page of a list or search shows some rows of the page before it again
    "merge_makes_new_id",  # HubSpot: the record that stays after a merge is a new one, both old ids are gone
    "no_cursor",  # Mailchimp: the beta endpoint with cursors is not there
    "webhook_duplicates",  # a webhook is delivered twice, for a share of the deliveries
    "webhook_disorder",  # webhooks leave in any order
    "status",  # answer `status` (401, 403, 429, 500 …) in the vendor's own words
    "error_rate_5xx",  # the same with 500, for a share of the requests
    "rate_429",  # the same with 429
    "bare_403",  # Mailchimp's throttling without a body
    "cut_connection",  # the connection ends in the middle of the answer
    "truncate_page",  # a whole HTTP answer holds half of the JSON
    "html_instead_of_json",
    "lost_field",  # `field` is missing from every object of the answer
    "slow",  # `seconds` before the answer
    "refuse",  # SMTP: `status` (451) at the end of DATA, nothing kept
    "drop",  # SMTP: connection ends after DATA; with `done` the message was kept
}
DEFAULT_STATUS = {"error_rate_5xx": 500, "rate_429": 429, "status": 500, "refuse": 451, "bare_403": 403}
PRESETS: dict[str, list[dict[str, Any]]] = {
    "none": [],
    "typical": [
        {"kind": "search_lag_seconds", "vendor": "hubspot", "seconds": 30},
        {"kind": "disorder"},
        {"kind": "error_rate_5xx", "share": 0.01},
        {"kind": "rate_429", "share": 0.01},
    ],
    "rough": [
        {"kind": "search_lag_seconds", "seconds": 30},
        {"kind": "disorder"},
        {"kind": "duplicates", "share": 0.3},
        {"kind": "merge_makes_new_id"},
        {"kind": "error_rate_5xx", "share": 0.02},
        {"kind": "rate_429", "share": 0.02},
        {"kind": "cut_connection", "share": 0.02},
        {"kind": "truncate_page", "share": 0.02},
        {"kind": "webhook_duplicates", "share": 0.2},
        {"kind": "webhook_disorder"},
    ],
}


class FaultError(Exception):
    """A fault that cannot be set; the message says which part is wrong."""


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong. Empty `vendor` or `path` mean any; `times` None means until cleared.

    `share` is the part of the fitting requests that it hits (0-1); `done` lets a write happen, and then fail.
    """

    kind: str
    vendor: str = ""
    path: str = ""
    status: int = 0
    times: int | None = None
    share: float = 1.0
    seconds: float = 0.0
    field: str = ""
    done: bool = False


def parse_faults(given: object) -> list[Fault]:
    """Faults from JSON: a preset's name, one object, a list, or {"faults": [...]}. Raises FaultError."""
    if isinstance(given, dict) and "faults" in given:
        given = given["faults"]
    if isinstance(given, str):
        if given not in PRESETS:
            raise FaultError(f"No faults are called '{given}'; there are {', '.join(sorted(PRESETS))}.")
        given = PRESETS[given]
    rows = given if isinstance(given, list) else [given]
    return [_fault(row) for row in rows]


def _fault(row: object) -> Fault:
    if not isinstance(row, dict) or row.get("kind") not in KINDS:
        raise FaultError(f"A fault needs a 'kind', one of {', '.join(sorted(KINDS))}.")
    wrong = set(row) - set(Fault.__dataclass_fields__)
    if wrong:
        raise FaultError(f"Fault {row['kind']}: unknown field {', '.join(sorted(wrong))}.")
    if row.get("vendor", "") not in VENDORS:
        raise FaultError(f"Fault {row['kind']}: vendor must be one of {', '.join(VENDORS[1:])}.")
    fault = Fault(**row)
    fault.status = fault.status or DEFAULT_STATUS.get(fault.kind, 0)
    if fault.kind == "lost_field" and not fault.field:
        raise FaultError("Fault lost_field: say which 'field' is lost.")
    return fault


class Faults:
    """The faults in force. `take` uses one up."""

    def __init__(self, seed: int = 0) -> None:
        self._dice = Random(f"{seed}/faults")
        self._faults: list[Fault] = []

    @property
    def active(self) -> bool:
        """True when anything may go wrong."""
        return bool(self._faults)

    def replace(self, faults: list[Fault]) -> None:
        """Put these in force instead of all earlier ones."""
        self._faults = list(faults)

    def add(self, faults: list[Fault]) -> None:
        """Put these in force as well."""
        self._faults += faults

    def as_json(self, *, lasting: bool = False) -> list[dict[str, Any]]:
        """The faults in force; with `lasting` only those without a number of times."""
        return [asdict(fault) for fault in self._faults if not lasting or fault.times is None]

    def take(self, vendor: str, path: str, *kinds: str) -> Fault | None:
        """The first fault of these kinds that hits this request, counted down; else None."""
        for fault in self._faults:
            if fault.kind not in kinds or fault.vendor not in ("", vendor) or not path.startswith(fault.path):
                continue
            if fault.share < 1.0 and self._dice.random() >= fault.share:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._faults = [each for each in self._faults if each is not fault]
            return fault
        return None

    def setting(self, kind: str, vendor: str) -> float:
        """The `seconds` of a standing fault of this kind for the vendor, or 0."""
        return next((fault.seconds for fault in self._fitting(kind, vendor)), 0.0)

    def has(self, kind: str, vendor: str) -> bool:
        """True when a fault of this kind stands for the vendor."""
        return next(self._fitting(kind, vendor), None) is not None

    def _fitting(self, kind: str, vendor: str) -> Iterator[Fault]:
        return (each for each in self._faults if each.kind == kind and each.vendor in ("", vendor))
