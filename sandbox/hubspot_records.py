"""HubSpot's records: written by the company's events and by API calls, with their history and links.

Times are epoch milliseconds. Ids rise with creation and depend on the instant and kind alone, so that the
same event has the same id in every run.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox import events as ev
from sandbox.company import CURRENCY, STAFF, STAFF_BY_ID, Staff, instant
from sandbox.hubspot_schema import (
    DEFINITIONS,
    DELIVERABLE_STAGES,
    DELIVERABLES_PIPELINE,
    LIFECYCLE,
    LINKS,
    MIRROR,
    PIPELINES,
    TYPE_IDS,
    Definition,
    created_property,
    modified_property,
)

ID_EPOCH = 1_735_689_600  # 2025-01-01; keeps ids short
PER_SECOND = 10_000
LEAD_STATUS = {
    "lead": "NEW",
    "marketingqualifiedlead": "OPEN",
    "salesqualifiedlead": "IN_PROGRESS",
    "opportunity": "OPEN_DEAL",
    "customer": "CONNECTED",
}


@dataclass(slots=True, eq=False)
class Record:
    """One object. `history` holds, per change, when the older values had been written and what they were."""

    id: int
    kind: str
    properties: dict[str, str]
    created: int
    updated: int
    archived_at: int | None = None
    history: list[tuple[int, dict[str, str | None]]] = field(default_factory=list)
    links: dict[str, dict[int, set[int]]] = field(default_factory=dict)
    shown: dict[object, bytes] = field(default_factory=dict)  # JSON by asked properties, until it changes

    def at(self, moment: int) -> tuple[int, dict[str, str]] | None:
        """When it was last changed and its properties as they were at `moment`; None before its creation."""
        if self.created > moment:
            return None
        updated, properties = self.updated, self.properties
        for before, older in reversed(self.history):
            if updated <= moment:
                break
            properties = {**properties}
            for name, value in older.items():
                if value is None:
                    properties.pop(name, None)
                else:
                    properties[name] = value
            updated = before
        return updated, properties


def iso(ms: int) -> str:
    """Milliseconds as HubSpot writes them."""
    whole, rest = divmod(ms, 1000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def _plain(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


class Table:
    """All records of one type, in id order."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.definitions: dict[str, Definition] = dict(DEFINITIONS[kind])
        self.records: dict[int, Record] = {}
        self.ids: list[int] = []
        self.version = 0
        self._by_time: list[Record] | None = None
        self._last_second, self._in_second = 0, 0

    def next_id(self, second: int) -> int:
        """A fresh id for something created in that second; seconds never go back."""
        if second != self._last_second:
            self._last_second, self._in_second = second, 0
        self._in_second += 1
        return (second - ID_EPOCH) * PER_SECOND + self._in_second

    def after(self, last: int) -> Iterator[Record]:
        """Records with ids above `last`, in id order."""
        for place in range(bisect_right(self.ids, last), len(self.ids)):
            yield self.records[self.ids[place]]

    def by_time(self) -> list[Record]:
        """Every record that is not archived, the least recently changed first."""
        if self._by_time is None:
            living = (record for record in self.records.values() if record.archived_at is None)
            self._by_time = sorted(living, key=lambda record: (record.updated, record.id))
        return self._by_time

    def touched(self) -> None:
        """Note that a record changed."""
        self.version += 1
        self._by_time = None


class HubSpotRecords:
    """The portal's content."""

    def __init__(self) -> None:
        self.tables = {kind: Table(kind) for kind in TYPE_IDS}
        self.merged: dict[int, int] = {}  # contact id that went -> contact id that stayed
        self.by_email: dict[str, Record] = {}
        self.companies: dict[str, Record] = {}  # the simulation's key -> record
        self.people: dict[str, Record] = {}
        self.deals: dict[str, Record] = {}
        self.deliverables: dict[str, Record] = {}
        self._appliers: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.LeadCreated: self._lead_created,
            ev.PersonAdded: self._person_added,
            ev.LeadStageChanged: self._lead_stage_changed,
            ev.OptedOut: self._opted_out,
            ev.LeadArchived: self._lead_archived,
            ev.PeopleMerged: self._people_merged,
            ev.DealCreated: self._deal_created,
            ev.DealStageMoved: self._deal_stage_moved,
            ev.DealWon: self._deal_won,
            ev.DealLost: self._deal_lost,
            ev.SubscriptionEnded: self._subscription_ended,
            ev.OnboardingItemDone: self._onboarding_item_done,
            ev.SurveyAnswered: self._survey_answered,
            ev.DeliverableRequested: self._deliverable_requested,
            ev.DeliverableDelivered: self._deliverable_delivered,
            ev.DeliverableErrorReported: self._deliverable_error_reported,
            ev.DeliverableReopened: self._deliverable_reopened,
        }

    def apply(self, event: ev.Event) -> None:
        """Show what happened."""
        applier = self._appliers.get(type(event))
        if applier is not None:
            applier(event)

    # Changes, used by events and API calls alike.

    def create(self, kind: str, properties: Mapping[str, str], at: datetime) -> Record:
        """A new record; derived properties are filled in."""
        table = self.tables[kind]
        moment = _ms(at)
        record = Record(table.next_id(moment // 1000), kind, {}, moment, moment)
        kept = {name: value for name, value in properties.items() if value != ""}
        kept.update(self._derived(kind, kept))
        record.properties = {
            **kept,
            "hs_object_id": str(record.id),
            created_property(kind): kept.get(created_property(kind)) or iso(moment),
            modified_property(kind): iso(moment),
        }
        table.records[record.id] = record
        table.ids.append(record.id)
        table.touched()
        if kind == "contacts" and "email" in kept:
            self.by_email[kept["email"].lower()] = record
        return record

    def update(self, record: Record, properties: Mapping[str, str], at: datetime) -> Record:
        """Set properties ("" clears) and move the record's change time."""
        changes = dict(properties)
        changes.update(self._derived(record.kind, changes))
        moment = _ms(at)
        changes[modified_property(record.kind)] = iso(moment)
        if record.kind == "contacts" and "email" in changes:
            self.by_email.pop(record.properties.get("email", "").lower(), None)
            self.by_email[changes["email"].lower()] = record
        record.history.append((record.updated, {name: record.properties.get(name) for name in changes}))
        for name, value in changes.items():
            if value == "":
                record.properties.pop(name, None)
            else:
                record.properties[name] = value
        record.updated = moment
        record.shown.clear()
        self.tables[record.kind].touched()
        return record

    def archive(self, record: Record, at: datetime) -> None:
        """Hide it; the change time stays as it was, as at HubSpot."""
        if record.archived_at is None:
            record.archived_at = _ms(at)
            record.shown.clear()
            if record.kind == "contacts":
                self.by_email.pop(record.properties.get("email", "").lower(), None)
            self.tables[record.kind].touched()

    def merge(self, kept: Record, gone: Record, at: datetime) -> Record:
        """`gone` disappears into `kept`, with its links and address."""
        for kind, others in gone.links.items():
            for number, types in others.items():
                other = self.tables[kind].records[number]
                other.links[gone.kind].pop(gone.id, None)
                # A record has one primary company: the kept one's own, when it has one.
                spare = LINKS[gone.kind, kind].primary if kept.links.get(kind) else 0
                self.link(kept, other, types - {spare})
        # What was merged into the one that goes has gone into the one that stays.
        merged = [
            *_several(kept, "hs_merged_object_ids"),
            *_several(gone, "hs_merged_object_ids"),
            str(gone.id),
        ]
        changes = {"hs_merged_object_ids": ";".join(merged)}
        more = [*_several(gone, "hs_additional_emails"), *_several(gone, "email")]
        if gone.kind == "contacts" and more:
            changes["hs_additional_emails"] = ";".join([*_several(kept, "hs_additional_emails"), *more])
        table = self.tables[gone.kind]
        del table.records[gone.id]
        table.ids.remove(gone.id)
        self.merged[gone.id] = kept.id
        for earlier, target in self.merged.items():
            if target == gone.id:
                self.merged[earlier] = kept.id
        self.update(kept, changes, at)
        if gone.kind == "contacts" and "email" in gone.properties:
            self.by_email[gone.properties["email"].lower()] = kept
        return kept

    def link(self, one: Record, other: Record, types: set[int] | None = None) -> None:
        """Associate both ways; without types by default, the first company of a record as its primary.

        As at HubSpot, this moves no change time.
        """
        link = LINKS[one.kind, other.kind]
        wanted = {link.default} if types is None else set(types) | {link.default}
        if types is None and link.primary and other.kind == "companies" and not one.links.get("companies"):
            wanted.add(link.primary)
        if link.primary in wanted and other.kind == "companies":
            for number, each in one.links.get("companies", {}).items():
                each.discard(link.primary)
                back = self.tables["companies"].records[number].links[one.kind][one.id]
                back.discard(LINKS["companies", one.kind].primary)
            if one.kind == "contacts":
                one.properties["associatedcompanyid"] = str(other.id)
        one.links.setdefault(other.kind, {}).setdefault(other.id, set()).update(wanted)
        mirrored = {
            MIRROR[one.kind, other.kind, each] for each in wanted if (one.kind, other.kind, each) in MIRROR
        }
        other.links.setdefault(one.kind, {}).setdefault(one.id, set()).update(mirrored)
        one.shown.clear()
        other.shown.clear()

    def unlink(self, one: Record, other: Record) -> None:
        """Take the association away."""
        one.links.get(other.kind, {}).pop(other.id, None)
        other.links.get(one.kind, {}).pop(one.id, None)
        if one.kind == "contacts" and one.properties.get("associatedcompanyid") == str(other.id):
            del one.properties["associatedcompanyid"]
        one.shown.clear()
        other.shown.clear()

    def owners(self, clock: datetime) -> list[dict[str, Any]]:
        """Everyone who has joined the team by `clock`, those who left it archived."""
        return [
            _owner(place, person, clock)
            for place, person in enumerate(STAFF)
            if instant(person.start) <= clock
        ]

    @staticmethod
    def owner_id(staff: str) -> str:
        """The owner id of a staff member, or "" for nobody."""
        return str(_OWNER_IDS[staff]) if staff in STAFF_BY_ID else ""

    def _derived(self, kind: str, properties: Mapping[str, str]) -> dict[str, str]:
        if kind == "deals" and "dealstage" in properties:
            closed = _CLOSED.get(properties["dealstage"], "false")
            return {
                "hs_is_closed": closed,
                "hs_is_closed_won": "true" if properties["dealstage"] == "closedwon" else "false",
            }
        return {}

    # What happened in the company.

    def _lead_created(self, event: ev.LeadCreated) -> None:
        company = self.create(
            "companies",
            {
                "name": event.name,
                "domain": event.domain,
                "industry": event.industry,
                "country": event.country,
                "lifecyclestage": "lead",
                "hubspot_owner_id": self.owner_id(event.owner),
                "tenfold_language": event.language,
                "tenfold_acquisition_source": event.source,
            },
            event.at,
        )
        self.companies[event.company] = company
        self._add_person(event, company, owner=self.owner_id(event.owner))

    def _person_added(self, event: ev.PersonAdded) -> None:
        company = self.companies[event.company]
        self._add_person(event, company, owner=company.properties.get("hubspot_owner_id", ""))

    def _add_person(self, event: ev.LeadCreated | ev.PersonAdded, company: Record, *, owner: str) -> None:
        stage = company.properties.get("lifecyclestage", "lead")
        contact = self.create(
            "contacts",
            {
                "email": event.email,
                "firstname": event.first_name,
                "lastname": event.last_name,
                "hs_language": event.language,
                "lifecyclestage": stage,
                "hs_lead_status": LEAD_STATUS.get(stage, "NEW"),
                "hs_email_optout": "false",
                "hubspot_owner_id": owner,
                "company": company.properties.get("name", ""),
            },
            event.at,
        )
        self.people[event.person] = contact
        self.link(contact, company)

    def _lead_stage_changed(self, event: ev.LeadStageChanged) -> None:
        changes = {"lifecyclestage": event.stage}
        if contact := self._living(event.person):
            self.update(
                contact, {**changes, "hs_lead_status": LEAD_STATUS.get(event.stage, "OPEN")}, event.at
            )
        company = self.companies[event.company]
        # A colleague's later entry must not take a client back to being a lead.
        if _stage_rank(event.stage) > _stage_rank(company.properties.get("lifecyclestage", "")):
            self.update(company, changes, event.at)

    def _opted_out(self, event: ev.OptedOut) -> None:
        if contact := self._living(event.person):
            self.update(contact, {"hs_email_optout": "true"}, event.at)

    def _lead_archived(self, event: ev.LeadArchived) -> None:
        if contact := self._living(event.person):
            self.archive(contact, event.at)

    def _people_merged(self, event: ev.PeopleMerged) -> None:
        kept, gone = self._living(event.kept), self._living(event.gone)
        if kept and gone and kept is not gone:
            self.merge(kept, gone, event.at)
            self.people[event.gone] = kept

    def _living(self, person: str) -> Record | None:
        """The person's contact, unless an API call has meanwhile merged it away."""
        contact = self.people[person]
        while contact.id in self.merged:
            contact = self.tables["contacts"].records[self.merged[contact.id]]
        return contact

    def _deal_created(self, event: ev.DealCreated) -> None:
        company = self.companies[event.company]
        deal = self.create(
            "deals",
            {
                "dealname": f"{company.properties.get('name', event.company)} {event.plan}",
                "amount": str(event.amount),
                "deal_currency_code": CURRENCY,
                "pipeline": "default",
                "dealstage": "appointmentscheduled",
                "dealtype": event.kind,
                "hubspot_owner_id": self.owner_id(event.owner),
                "tenfold_plan": event.plan,
                "tenfold_billing_interval": event.interval,
                "tenfold_list_amount": str(event.list_amount),
            },
            event.at,
        )
        self.deals[event.deal] = deal
        self.link(deal, company)
        if contact := self._living(event.person):
            self.link(deal, contact)

    def _deal_stage_moved(self, event: ev.DealStageMoved) -> None:
        self.update(self.deals[event.deal], {"dealstage": event.stage}, event.at)

    def _deal_won(self, event: ev.DealWon) -> None:
        changes = {
            "dealstage": "closedwon",
            "closedate": iso(_ms(event.at)),
            "tenfold_start_at": _plain(event.start_at),
        }
        self.update(self.deals[event.deal], changes, event.at)

    def _deal_lost(self, event: ev.DealLost) -> None:
        changes = {"dealstage": "closedlost", "closedate": iso(_ms(event.at))}
        self.update(self.deals[event.deal], changes, event.at)

    def _subscription_ended(self, event: ev.SubscriptionEnded) -> None:
        self.update(self.deals[event.deal], {"tenfold_end_at": _plain(event.end_at)}, event.at)

    def _onboarding_item_done(self, event: ev.OnboardingItemDone) -> None:
        self.update(
            self.companies[event.company], {f"tenfold_onb_{event.item}_at": _plain(event.at)}, event.at
        )

    def _survey_answered(self, event: ev.SurveyAnswered) -> None:
        changes = {
            "tenfold_survey_csat": str(event.csat),
            "tenfold_survey_nps": str(event.nps),
            "tenfold_survey_answered_at": _plain(event.at),
        }
        self.update(self.companies[event.company], changes, event.at)

    def _deliverable_requested(self, event: ev.DeliverableRequested) -> None:
        ticket = self.create(
            "tickets",
            {
                "subject": event.subject,
                "hs_pipeline": DELIVERABLES_PIPELINE,
                "hs_pipeline_stage": DELIVERABLE_STAGES["requested"],
                "hubspot_owner_id": self.owner_id(event.owner),
                "tenfold_deliverable_type": event.kind,
                "tenfold_requested_at": _plain(event.at),
                "tenfold_errors_reported": "0",
                "tenfold_reopened_count": "0",
            },
            event.at,
        )
        self.deliverables[event.deliverable] = ticket
        self.link(ticket, self.companies[event.company])

    def _deliverable_delivered(self, event: ev.DeliverableDelivered) -> None:
        ticket = self.deliverables[event.deliverable]
        changes = {"hs_pipeline_stage": DELIVERABLE_STAGES["delivered"], "closed_date": iso(_ms(event.at))}
        if "tenfold_first_delivered_at" not in ticket.properties:
            changes["tenfold_first_delivered_at"] = _plain(event.at)
        self.update(ticket, changes, event.at)

    def _deliverable_error_reported(self, event: ev.DeliverableErrorReported) -> None:
        self._count_up(event.deliverable, "tenfold_errors_reported", event.at)

    def _deliverable_reopened(self, event: ev.DeliverableReopened) -> None:
        self._count_up(
            event.deliverable,
            "tenfold_reopened_count",
            event.at,
            {"hs_pipeline_stage": DELIVERABLE_STAGES["rework"], "closed_date": ""},
        )

    def _count_up(self, key: str, name: str, at: datetime, more: Mapping[str, str] | None = None) -> None:
        ticket = self.deliverables[key]
        count = int(ticket.properties.get(name, "0")) + 1
        self.update(ticket, {name: str(count), **(more or {})}, at)


_CLOSED: dict[str, str] = {
    stage["id"]: stage["metadata"]["isClosed"]
    for pipeline in PIPELINES["deals"]
    for stage in pipeline["stages"]
}


def _several(record: Record, name: str) -> list[str]:
    """The values of a property that holds several, parted by semicolons."""
    return [each for each in record.properties.get(name, "").split(";") if each]


def _stage_rank(stage: str) -> int:
    return LIFECYCLE.index(stage) if stage in LIFECYCLE else -1


_OWNER_IDS = {person.id: 71_200_113 + 37 * place for place, person in enumerate(STAFF)}


def _owner(place: int, person: Staff, clock: datetime) -> dict[str, Any]:
    gone = person.end is not None and instant(person.end) <= clock
    joined = iso(_ms(instant(person.start)))
    user = 58_300_211 + 13 * place
    return {
        "id": str(_OWNER_IDS[person.id]),
        "email": person.email,
        "type": "PERSON",
        "firstName": person.first_name,
        "lastName": person.last_name,
        "userId": None if gone else user,
        "userIdIncludingInactive": user,
        "createdAt": joined,
        "updatedAt": iso(_ms(instant(person.end))) if gone and person.end else joined,
        "archived": gone,
        "teams": [],
    }
