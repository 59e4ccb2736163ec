"""What happens in the simulated company, as its people enter it into HubSpot."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sandbox import events as ev
from sandbox.company import CURRENCY
from sandbox.hubspot_activities import Activities
from sandbox.hubspot_pipelines import DELIVERABLE_STAGES, DELIVERABLES_PIPELINE
from sandbox.hubspot_records import HubSpotRecords, Record, iso, milliseconds
from sandbox.hubspot_schema import LIFECYCLE

LEAD_STATUS = {
    "lead": "NEW",
    "marketingqualifiedlead": "OPEN",
    "salesqualifiedlead": "IN_PROGRESS",
    "opportunity": "OPEN_DEAL",
    "customer": "CONNECTED",
}


class HubSpotStory:
    """Writes events into the records, whatever API calls have meanwhile done to them."""

    def __init__(self, records: HubSpotRecords, seed: int = 0) -> None:
        """`seed` is for the activities alone; the events themselves are already decided."""
        self.records = records
        self.merge_makes_new_id = False
        self._companies: dict[str, Record] = {}  # the simulation's keys -> record
        self._people: dict[str, Record] = {}
        self._deals: dict[str, Record] = {}
        self._deliverables: dict[str, Record] = {}
        self._first_person: dict[str, str] = {}  # company -> its first person
        self._activities = Activities(records, seed)
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

    def person(self, key: str) -> Record | None:
        """The person's contact, or the one it was merged into; None when it was deleted for good."""
        return self._alive(self._people[key])

    def person_id(self, key: str) -> int:
        """The id of the person's contact; the last one that it had when it was deleted for good."""
        return (self.person(key) or self._people[key]).id

    def company_id(self, key: str) -> int:
        """The id of the company, likewise."""
        return (self._alive(self._companies[key]) or self._companies[key]).id

    def _alive(self, record: Record) -> Record | None:
        return self.records.find(record.kind, record.id)

    def _update(self, record: Record, changes: Mapping[str, str], at: datetime) -> None:
        if found := self._alive(record):
            self.records.update(found, changes, at)

    # Leads.

    def _lead_created(self, event: ev.LeadCreated) -> None:
        company = self.records.create(
            "companies",
            {
                "name": event.name,
                "domain": event.domain,
                "industry": event.industry,
                "country": event.country,
                "lifecyclestage": "lead",
                "hubspot_owner_id": self.records.owner_id(event.owner),
                "tenfold_language": event.language,
                "tenfold_acquisition_source": event.source,
            },
            event.at,
        )
        self._companies[event.company] = company
        self._first_person[event.company] = event.person
        self._add_person(event, company, owner=self.records.owner_id(event.owner))

    def _person_added(self, event: ev.PersonAdded) -> None:
        company = self._alive(self._companies[event.company]) or self._companies[event.company]
        self._add_person(event, company, owner=company.properties.get("hubspot_owner_id", ""))

    def _add_person(self, event: ev.LeadCreated | ev.PersonAdded, company: Record, *, owner: str) -> None:
        stage = company.properties.get("lifecyclestage", "lead")
        contact = self.records.create(
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
        self._people[event.person] = contact
        if _living(self._alive(company)):
            self.records.link(contact, company)

    def _lead_stage_changed(self, event: ev.LeadStageChanged) -> None:
        changes = {"lifecyclestage": event.stage}
        contact = self.person(event.person)
        if contact is not None:
            self.records.update(
                contact, {**changes, "hs_lead_status": LEAD_STATUS.get(event.stage, "OPEN")}, event.at
            )
        company = self._alive(self._companies[event.company])
        # A colleague's later entry must not take a client back to being a lead.
        if company and _stage_rank(event.stage) > _stage_rank(company.properties.get("lifecyclestage", "")):
            self.records.update(company, changes, event.at)
        self._activities.lead_stage(event, _all_living(contact, company))

    def _opted_out(self, event: ev.OptedOut) -> None:
        if contact := self.person(event.person):
            self.records.update(contact, {"hs_email_optout": "true"}, event.at)

    def _lead_archived(self, event: ev.LeadArchived) -> None:
        if contact := self.person(event.person):
            self.records.archive(contact, event.at)

    def _people_merged(self, event: ev.PeopleMerged) -> None:
        kept, gone = _living(self.person(event.kept)), _living(self.person(event.gone))
        if kept and gone and kept is not gone:
            self.records.merge(kept, gone, event.at, new_id=self.merge_makes_new_id)

    # Deals.

    def _deal_created(self, event: ev.DealCreated) -> None:
        company = self._alive(self._companies[event.company])
        name = company.properties.get("name", event.company) if company else event.company
        deal = self.records.create(
            "deals",
            {
                "dealname": f"{name} {event.plan}",
                "amount": str(event.amount),
                "deal_currency_code": CURRENCY,
                "pipeline": "default",
                "dealstage": "appointmentscheduled",
                "dealtype": event.kind,
                "hubspot_owner_id": self.records.owner_id(event.owner),
                "tenfold_plan": event.plan,
                "tenfold_billing_interval": event.interval,
                "tenfold_list_amount": str(event.list_amount),
            },
            event.at,
        )
        self._deals[event.deal] = deal
        for other in _all_living(company, self.person(event.person)):
            self.records.link(deal, other)

    def _deal_stage_moved(self, event: ev.DealStageMoved) -> None:
        self._update(self._deals[event.deal], {"dealstage": event.stage}, event.at)
        if deal := _living(self._alive(self._deals[event.deal])):
            self._activities.deal_stage(event, deal)

    def _deal_won(self, event: ev.DealWon) -> None:
        changes = {
            "dealstage": "closedwon",
            "closedate": iso(milliseconds(event.at)),
            "tenfold_start_at": _plain(event.start_at),
        }
        self._update(self._deals[event.deal], changes, event.at)
        if deal := _living(self._alive(self._deals[event.deal])):
            self._activities.deal_won(event, deal)

    def _deal_lost(self, event: ev.DealLost) -> None:
        changes = {"dealstage": "closedlost", "closedate": iso(milliseconds(event.at))}
        self._update(self._deals[event.deal], changes, event.at)
        if deal := _living(self._alive(self._deals[event.deal])):
            self._activities.deal_lost(event, deal)

    def _subscription_ended(self, event: ev.SubscriptionEnded) -> None:
        self._update(self._deals[event.deal], {"tenfold_end_at": _plain(event.end_at)}, event.at)

    # Work for clients.

    def _onboarding_item_done(self, event: ev.OnboardingItemDone) -> None:
        changes = {f"tenfold_onb_{event.item}_at": _plain(event.at)}
        self._update(self._companies[event.company], changes, event.at)

    def _survey_answered(self, event: ev.SurveyAnswered) -> None:
        changes = {
            "tenfold_survey_csat": str(event.csat),
            "tenfold_survey_nps": str(event.nps),
            "tenfold_survey_answered_at": _plain(event.at),
        }
        self._update(self._companies[event.company], changes, event.at)
        self._activities.survey(event, _living(self.person(self._first_person[event.company])))

    def _deliverable_requested(self, event: ev.DeliverableRequested) -> None:
        ticket = self.records.create(
            "tickets",
            {
                "subject": event.subject,
                "hs_pipeline": DELIVERABLES_PIPELINE,
                "hs_pipeline_stage": DELIVERABLE_STAGES["requested"],
                "hubspot_owner_id": self.records.owner_id(event.owner),
                "tenfold_deliverable_type": event.kind,
                "tenfold_requested_at": _plain(event.at),
                "tenfold_errors_reported": "0",
                "tenfold_reopened_count": "0",
            },
            event.at,
        )
        self._deliverables[event.deliverable] = ticket
        company = _living(self._alive(self._companies[event.company]))
        if company is not None:
            self.records.link(ticket, company)
        person = _living(self.person(self._first_person[event.company]))
        self._activities.deliverable_requested(event, _all_living(ticket, company, person))

    def _deliverable_delivered(self, event: ev.DeliverableDelivered) -> None:
        ticket = self._deliverables[event.deliverable]
        changes = {
            "hs_pipeline_stage": DELIVERABLE_STAGES["delivered"],
            "closed_date": iso(milliseconds(event.at)),
        }
        if "tenfold_first_delivered_at" not in ticket.properties:
            changes["tenfold_first_delivered_at"] = _plain(event.at)
        self._update(ticket, changes, event.at)

    def _deliverable_error_reported(self, event: ev.DeliverableErrorReported) -> None:
        self._count_up(event.deliverable, "tenfold_errors_reported", event.at)
        if ticket := _living(self._alive(self._deliverables[event.deliverable])):
            self._activities.deliverable_error(event, ticket)

    def _deliverable_reopened(self, event: ev.DeliverableReopened) -> None:
        self._count_up(
            event.deliverable,
            "tenfold_reopened_count",
            event.at,
            {"hs_pipeline_stage": DELIVERABLE_STAGES["rework"], "closed_date": ""},
        )

    def _count_up(self, key: str, name: str, at: datetime, more: Mapping[str, str] | None = None) -> None:
        if ticket := self._alive(self._deliverables[key]):
            count = int(ticket.properties.get(name, "0")) + 1
            self.records.update(ticket, {name: str(count), **(more or {})}, at)


def _living(record: Record | None) -> Record | None:
    return record if record is not None and record.archived_at is None else None


def _all_living(*records: Record | None) -> list[Record]:
    return [each for each in records if each is not None and each.archived_at is None]


def _plain(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _stage_rank(stage: str) -> int:
    return LIFECYCLE.index(stage) if stage in LIFECYCLE else -1
