"""What must hold for any simulated company, and what makes the default one worth a manager's time."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest

from sandbox import company
from sandbox.events import (
    BankMoved,
    CampaignBounced,
    CampaignSent,
    ConversationOpened,
    ConversationPart,
    ConversationRated,
    ConversationTagged,
    DealCreated,
    DealWon,
    DeliverableDelivered,
    DeliverableRequested,
    Event,
    JournalEntry,
    LeadArchived,
    LeadCreated,
    OnboardingItemDone,
    OptedOut,
    PeopleMerged,
    PersonAdded,
    StripeMoved,
    SubscriptionEnded,
    SurveyAnswered,
)
from sandbox.simulation import DEFAULT_CLOCK, simulate
from sandbox.truth import truth

MADRID = ZoneInfo("Europe/Madrid")
SMALL = {"seed": 3, "months": 3, "first": 4, "last": 12}
Kind = TypeVar("Kind", bound=Event)


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return simulate()


def only(events: Iterable[Event], kind: type[Kind], until: datetime | None = None) -> Iterator[Kind]:
    return (event for event in events if isinstance(event, kind) and (until is None or event.at <= until))


# -- the contract with everyone who reads the log --------------------------------------------------------------


def test_the_same_seed_tells_the_same_story_and_another_seed_another() -> None:
    assert simulate(**SMALL) == simulate(**SMALL)
    assert simulate(**SMALL) != simulate(**{**SMALL, "seed": 4})


@pytest.mark.parametrize("days", [14, 45, 200, 400])
def test_a_later_horizon_only_adds_events(days: int) -> None:
    earlier = simulate(**SMALL, until=DEFAULT_CLOCK)
    later = simulate(**SMALL, until=DEFAULT_CLOCK + timedelta(days=days))
    assert len(later) > len(earlier)
    assert later[: len(earlier)] == earlier
    assert later[len(earlier)].at > DEFAULT_CLOCK


def test_the_horizon_is_120_days_after_the_clock(events: list[Event]) -> None:
    assert timedelta(days=119) < events[-1].at - DEFAULT_CLOCK <= timedelta(days=120)


def test_events_are_in_order_and_in_whole_seconds_of_utc(events: list[Event]) -> None:
    assert all(before.at <= after.at for before, after in pairwise(events))
    assert all(event.at.tzinfo is UTC and event.at.microsecond == 0 for event in events)
    assert events[0].at >= datetime(2025, 11, 1, tzinfo=MADRID)


@pytest.mark.parametrize(
    "wrong",
    [{"months": 0}, {"first": 0}, {"first": 5, "last": 4}, {"months": 24}, {"clock": datetime(2026, 11, 16)}],
)
def test_a_company_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"at least|before its team"):
        simulate(**wrong)  # type: ignore[arg-type]


def test_the_smallest_company_works_too() -> None:
    small = simulate(seed=1, months=1, first=1, last=1, until=DEFAULT_CLOCK)
    assert {"2026-10"} <= {row["period"] for row in truth(small, DEFAULT_CLOCK)}


def test_nothing_refers_to_what_has_not_happened_yet(events: list[Event]) -> None:
    known: dict[str, set[str]] = defaultdict(set)
    for event in events:
        match event:
            case LeadCreated():
                known["company"].add(event.company)
                known["person"].add(event.person)
            case PersonAdded():
                assert event.company in known["company"]
                known["person"].add(event.person)
            case DealCreated():
                assert event.company in known["company"]
                assert event.person in known["person"]
                known["deal"].add(event.deal)
            case ConversationOpened():
                assert event.person in known["person"]
                known["conversation"].add(event.conversation)
            case DeliverableRequested():
                assert event.company in known["company"]
                known["deliverable"].add(event.deliverable)
            case CampaignSent():
                assert set(event.recipients) <= known["person"]
                known["campaign"].add(event.campaign)
            case PeopleMerged():
                assert {event.kept, event.gone} <= known["person"]
            case _:
                for name in ("company", "person", "deal", "conversation", "deliverable", "campaign"):
                    if hasattr(event, name):
                        assert getattr(event, name) in known[name], event


def test_every_name_address_and_domain_is_somebodys_own(events: list[Event]) -> None:
    leads = list(only(events, LeadCreated))
    people = [*leads, *only(events, PersonAdded)]
    assert len({lead.name for lead in leads}) == len({lead.domain for lead in leads}) == len(leads)
    assert len({person.email.lower() for person in people}) == len(people)
    assert all(person.email.isascii() and person.email.endswith(".example") for person in people)
    assert all(lead.name.encode("cp1252") for lead in leads)


def clients_of(events: list[Event]) -> dict[str, list[DealWon]]:
    company_of = {event.deal: event.company for event in only(events, DealCreated)}
    found: dict[str, list[DealWon]] = defaultdict(list)
    for won in only(events, DealWon):
        found[company_of[won.deal]].append(won)
    return found


def test_archiving_and_merging_leave_clients_alone(events: list[Event]) -> None:
    clients = clients_of(events)
    company_of = {
        event.person: event.company for event in events if isinstance(event, LeadCreated | PersonAdded)
    }
    archived = {company_of[event.person] for event in only(events, LeadArchived)}
    merged = {
        company_of[person] for event in only(events, PeopleMerged) for person in (event.kept, event.gone)
    }
    assert archived
    assert merged
    assert not (archived | merged) & clients.keys()


def test_nobody_who_refused_or_whose_address_is_dead_gets_a_campaign(events: list[Event]) -> None:
    gone: set[str] = set()
    for event in events:
        if isinstance(event, OptedOut | LeadArchived | CampaignBounced):
            gone.add(event.person)
        elif isinstance(event, PeopleMerged):
            gone.add(event.gone)
        elif isinstance(event, CampaignSent):
            assert not gone & set(event.recipients)
    assert len(gone) > 50


# -- subscriptions ---------------------------------------------------------------------------------------------


def test_a_company_never_has_two_subscriptions_at_once_and_an_end_is_known_before_it_comes(
    events: list[Event],
) -> None:
    ends = {event.deal: event for event in only(events, SubscriptionEnded)}
    assert all(event.at <= event.end_at for event in ends.values())
    changed = 0
    for won in clients_of(events).values():
        for before, after in pairwise(won):
            assert ends[before.deal].end_at <= after.start_at
            changed += ends[before.deal].end_at == after.start_at
    assert changed > 50


def test_some_contracts_begin_exactly_at_local_midnight_of_the_first(events: list[Event]) -> None:
    starts = [won.start_at.astimezone(MADRID) for won in only(events, DealWon)]
    assert any(start.day == 1 and start.hour == start.minute == start.second == 0 for start in starts)
    assert all(won.at <= won.start_at for won in only(events, DealWon))


def test_all_billing_intervals_discounts_and_sources_occur(events: list[Event]) -> None:
    won = {event.deal for event in only(events, DealWon)}
    deals = [event for event in only(events, DealCreated) if event.deal in won]
    assert {deal.interval for deal in deals} == {"week", "month", "quarter", "year"}
    assert any(deal.amount < deal.list_amount for deal in deals)
    assert {lead.source for lead in only(events, LeadCreated)} == {
        "referral",
        "ads",
        "organic",
        "outbound",
        "",
    }


# -- support ---------------------------------------------------------------------------------------------------


def test_each_conversation_moves_forward_and_up(events: list[Event]) -> None:
    last: dict[str, datetime] = {}
    level: dict[str, str] = {}
    for event in events:
        if isinstance(event, ConversationOpened):
            last[event.conversation], level[event.conversation] = event.at, "L1"
        elif isinstance(event, ConversationPart) and event.kind != "note":
            assert event.at > last[event.conversation]
            last[event.conversation] = event.at
            if event.kind == "assignment":
                assert event.to_level > level[event.conversation]
                level[event.conversation] = event.to_level
    mix = Counter(level.values())
    assert 0.77 < mix["L1"] / len(level) < 0.83
    assert 0.12 < mix["L2"] / len(level) < 0.18
    assert 0.03 < mix["L3"] / len(level) < 0.07


def test_only_staff_of_the_day_answer(events: list[Event]) -> None:
    staff = {person.id: person for person in company.STAFF}
    for part in only(events, ConversationPart):
        if part.author_kind == "admin":
            assert staff[part.author].employed_on(part.at.astimezone(MADRID).date())


def test_clients_write_at_night_at_weekends_on_holidays_and_around_the_change_of_time(
    events: list[Event],
) -> None:
    opened = [event.at.astimezone(MADRID) for event in only(events, ConversationOpened)]
    assert any(moment.hour < 6 for moment in opened)
    assert any(moment.weekday() == 6 for moment in opened)
    assert any(moment.date() in company.HOLIDAYS for moment in opened)
    parts = {event.at.astimezone(MADRID).date() for event in only(events, ConversationPart)}
    assert {date(2026, 3, 29), date(2026, 10, 25)} & parts


def test_everything_that_support_can_meet_happens(events: list[Event]) -> None:
    parts = list(only(events, ConversationPart))
    assert {part.kind for part in parts} == {"comment", "note", "assignment", "close", "open", "snoozed"}
    assert {"spam", "merged", "billing"} <= {event.tag for event in only(events, ConversationTagged)}
    assert {event.rating for event in only(events, ConversationRated)} == {1, 2, 3, 4, 5}
    closes = Counter(part.conversation for part in parts if part.kind == "close")
    assert max(closes.values()) > 1  # some are reopened


# -- money -----------------------------------------------------------------------------------------------------


def test_every_entry_balances_on_known_accounts(events: list[Event]) -> None:
    accounts = {account.name for account in company.CHART}
    entries = list(only(events, JournalEntry))
    for entry in entries:
        assert sum(debit for _, debit, _ in entry.lines) == sum(credit for _, _, credit in entry.lines) > 0
        assert {account for account, _, _ in entry.lines} <= accounts
        assert all(debit == 0 or credit == 0 for _, debit, credit in entry.lines)
        assert all(
            amount == amount.quantize(Decimal("0.01")) >= 0 for line in entry.lines for amount in line[1:]
        )
        assert entry.day <= entry.at.astimezone(MADRID).date()
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert {account for entry in entries for account, _, _ in entry.lines} == accounts


def ledger(events: Iterable[Event], until: datetime) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for entry in only(events, JournalEntry, until):
        for account, debit, credit in entry.lines:
            found[account] += debit - credit
    return found


@pytest.mark.parametrize("account", ["main", "savings"])
def test_bank_balances_run_on_and_agree_with_the_books(events: list[Event], account: str) -> None:
    lines = [line for line in only(events, BankMoved) if line.account == account]
    balance = Decimal(0)
    for line in lines:
        balance += line.amount
        assert line.balance == balance >= 0
        assert line.amount != 0
    assert ledger(events, events[-1].at)[f"572 Bank {account}"] == balance


def test_stripe_owes_what_the_books_say_it_owes(events: list[Event]) -> None:
    moved = list(only(events, StripeMoved, DEFAULT_CLOCK))
    held = sum((each.gross - each.fee for each in moved), Decimal(0))
    payouts = {each.payout: -each.gross for each in moved if each.category == "payout"}
    arrived = {
        line.text.split()[-1].lower(): line.amount
        for line in only(events, BankMoved, DEFAULT_CLOCK)
        if "STRIPE" in line.text
    }
    under_way = sum((amount for payout, amount in payouts.items() if payout not in arrived), Decimal(0))
    assert ledger(events, DEFAULT_CLOCK)["555 Stripe clearing"] == held + under_way
    assert all(payouts[payout] == amount for payout, amount in arrived.items())
    for payout, amount in payouts.items():
        own = [each for each in moved if each.payout == payout and each.category != "payout"]
        assert sum(each.gross - each.fee for each in own) == amount


def test_a_monthly_client_is_invoiced_once_a_month_with_21_percent_tax(events: list[Event]) -> None:
    names = {lead.company: lead.name for lead in only(events, LeadCreated)}
    deals = {deal.deal: deal for deal in only(events, DealCreated)}
    ended = {event.deal for event in only(events, SubscriptionEnded)}
    steady = [
        won
        for owned in clients_of(events).values()
        for won in owned[:1]
        if won.deal not in ended
        and deals[won.deal].interval == "month"
        and won.start_at.astimezone(MADRID).day <= 28
        and won.start_at < datetime(2026, 9, 1, tzinfo=UTC)
    ]
    assert len(steady) > 20
    invoices: dict[str, list[JournalEntry]] = defaultdict(list)
    for entry in only(events, JournalEntry):
        if entry.kind == "Invoice":
            invoices[entry.name].append(entry)
    for won in steady:
        deal = deals[won.deal]
        first = won.start_at.astimezone(MADRID).date()
        own = invoices[names[deal.company]]
        days = [entry.day for entry in own]
        assert days[:3] == [company.add_months(first, number) for number in range(3)]
        tax = (deal.amount * Decimal("0.21")).quantize(Decimal("0.01"), ROUND_HALF_UP)
        for entry in own:
            assert {account: debit - credit for account, debit, credit in entry.lines} == {
                "430 Accounts receivable": deal.amount + tax,
                "700 Service revenue": -deal.amount,
                "477 VAT output": -tax,
            }


def test_salaries_are_the_teams_cost_by_function(events: list[Event]) -> None:
    paid: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for entry in only(events, JournalEntry):
        for account, debit, _ in entry.lines:
            if account.startswith("640"):
                paid[f"{entry.day:%Y-%m}", account] += debit
    assert paid["2025-11", "640 Salaries delivery"] == 3750 + 6000 + 3000
    assert paid["2025-11", "640 Salaries operations"] == 5000
    assert paid["2025-11", "640 Salaries sales and marketing"] == 3500 + 2500
    # ts1 leaves on 1 July, ts3 comes on the 15th: 17 of 31 days of 3,000.
    delivery = 3750 + 6000 + 6000 + 4000 + 3750 + 6000 + 3000 + 6500 + 4000 + 4000
    assert paid["2026-07", "640 Salaries delivery"] == delivery + Decimal("1645.16")


def test_the_tax_office_gets_each_quarters_difference(events: list[Event]) -> None:
    vat: dict[str, Decimal] = defaultdict(Decimal)
    for entry in only(events, JournalEntry):
        if entry.document.startswith("IVA"):
            continue
        for account, debit, credit in entry.lines:
            if account in ("472 VAT input", "477 VAT output") and date(2026, 4, 1) <= entry.day <= date(
                2026, 6, 30
            ):
                # Bills of 31 March are entered in April, and so are settled with the second quarter.
                vat["second"] += credit - debit
            if (
                account == "472 VAT input"
                and entry.day <= date(2026, 3, 31) < entry.at.astimezone(MADRID).date()
            ):
                vat["second"] += credit - debit
            if (
                account == "472 VAT input"
                and entry.day == date(2026, 6, 30) < entry.at.astimezone(MADRID).date()
            ):
                vat["second"] -= credit - debit
    [paid] = [
        line.amount
        for line in only(events, BankMoved)
        if "303" in line.text and line.day.isoformat()[:7] == "2026-07"
    ]
    assert -paid == vat["second"]


# -- a business worth a report ---------------------------------------------------------------------------------


def test_the_company_grows_as_its_owner_hopes(events: list[Event]) -> None:
    rows = {(row["kpi"], row["period"]): row["value"] for row in truth(events, DEFAULT_CLOCK)}
    months = [f"2025-{month}" for month in (11, 12)] + [f"2026-{month:02d}" for month in range(1, 11)]
    new = [rows["NEW_CLIENTS", month] for month in months]
    assert (new[0], new[-1]) == (10, 100)
    assert 600 <= sum(new) <= 720
    assert sum(rows["LEADS", month] for month in months) == pytest.approx(3000, rel=0.12)
    assert all(0.01 <= rows["K14", month] <= 0.06 for month in months[4:])
    assert rows["K8", "2025-11"] < 0 < rows["K8", "2026-10"] < 0.6
    assert rows["K9", "2026-10"] > 0.6


def test_some_targets_are_met_and_some_are_not(events: list[Event]) -> None:
    last = {
        row["kpi"]: row["value"] for row in truth(events, DEFAULT_CLOCK, "2026-10") if row["segment"] == "all"
    }
    met = {
        "K2": last["K2"] < 48, "K8": last["K8"] > 0.6, "K9": last["K9"] > 0.6, "K12": last["K12"] > 70,
        "K13": last["K13"] > 0.95, "K14": last["K14"] < 0.03, "K15": last["K15"] > 0.25, "K16": last["K16"] < 0.02,
        "K17": last["K17"] < 0.05, "K18": last["K18"] < 24, "K19": last["K19"] > 0.98, "K3": last["K3"] < 4,
    }  # fmt: skip
    assert 4 <= sum(met.values()) <= 9, met


def test_two_conversations_a_client_and_month(events: list[Event]) -> None:
    october = [
        event
        for event in only(events, ConversationOpened)
        if event.conversation.startswith("v") and f"{event.at.astimezone(MADRID):%Y-%m}" == "2026-10"
    ]
    [active] = [
        row["value"] for row in truth(events, DEFAULT_CLOCK, "2026-10") if row["kpi"] == "ACTIVE_CLIENTS"
    ]
    assert 1.6 < len(october) / active < 2.3


def test_some_clients_never_finish_their_checklist(events: list[Event]) -> None:
    done: dict[str, set[str]] = defaultdict(set)
    for event in only(events, OnboardingItemDone):
        done[event.company].add(event.item)
    unfinished = sum(len(items) < 3 for items in done.values()) / len(done)
    assert 0.04 < unfinished < 0.15


def test_surveys_after_the_clock_are_left_to_the_mail_that_asks_for_them(events: list[Event]) -> None:
    answered = [event.at for event in only(events, SurveyAnswered)]
    assert sum(at <= DEFAULT_CLOCK for at in answered) > 200
    assert sum(at > DEFAULT_CLOCK + timedelta(days=30) for at in answered) == 0


def test_some_work_is_late_and_some_is_never_delivered(events: list[Event]) -> None:
    requested = {event.deliverable: event.at for event in only(events, DeliverableRequested, DEFAULT_CLOCK)}
    delivered: dict[str, datetime] = {}
    for event in only(events, DeliverableDelivered):
        delivered.setdefault(event.deliverable, event.at)
    late = sum(delivered[key] - at > timedelta(hours=24) for key, at in requested.items() if key in delivered)
    assert 0.2 < late / len(requested) < 0.5
    assert any(key not in delivered for key in requested)
