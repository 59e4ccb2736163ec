"""What the team logs in HubSpot beside the records themselves: calls, meetings, e-mails, notes, what was sold
and how surveys were answered.

Drawn from the events with dice of its own, so that no event and no other record changes by it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from sandbox import events as ev
from sandbox.company import CURRENCY, PLANS
from sandbox.hubspot_associations import LINKS
from sandbox.hubspot_records import HubSpotRecords, Record, iso, milliseconds

FREQUENCY = {"week": "weekly", "month": "monthly", "quarter": "quarterly", "year": "annually"}
CONNECTED = "f240bbac-87c9-4f6e-bf70-924b57d47db7"  # HubSpot's own id of the outcome "Connected"
NO_ANSWER = "73a0d17f-1163-4015-bdd5-ec830791da20"
LOST_REASONS = ("precio", "sin presupuesto este año", "eligió a un competidor", "no contesta")
REMARKS = {
    "PROMOTER": ("Muy contentos con el trato.", "Great support, fast answers.", ""),
    "PASSIVE": ("Bien, con margen de mejora.", "Good overall.", ""),
    "DETRACTOR": ("Las respuestas tardan demasiado.", "Setup took too long.", ""),
}


class Activities:
    """Creates the records; `about` is always who and what the activity belongs to."""

    def __init__(self, records: HubSpotRecords, seed: int) -> None:
        self._records, self._seed = records, seed
        self._products: dict[tuple[str, str], int] = {}  # plan and interval -> product id

    def _dice(self, what: str, key: str) -> Random:
        return Random(f"{self._seed}/crm/{what}/{key}")

    def lead_stage(self, event: ev.LeadStageChanged, about: Iterable[Record]) -> None:
        """A first mail to a marketing lead, a call to a sales lead; often, not always."""
        if event.stage not in ("marketingqualifiedlead", "salesqualifiedlead"):
            return
        dice = self._dice(event.stage, event.person)
        if event.stage == "marketingqualifiedlead" and dice.random() < 0.4:
            self._email(event.at, about, "Primer contacto", "Gracias por tu interés.", incoming=False)
        elif event.stage == "salesqualifiedlead" and dice.random() < 0.6:
            self._call(event.at, about, "Llamada de calificación", dice)

    def deal_stage(self, event: ev.DealStageMoved, deal: Record) -> None:
        """A call, a meeting or the mail with the contract, by the stage that the deal enters."""
        dice = self._dice(event.stage, event.deal)
        about = self._around(deal)
        if event.stage == "qualifiedtobuy" and dice.random() < 0.5:
            self._call(event.at, about, "Necesidades", dice)
        elif event.stage == "presentationscheduled" and dice.random() < 0.8:
            start = event.at + timedelta(hours=dice.randrange(20, 72))
            self._create(
                "meetings",
                event.at,
                about,
                hs_timestamp=_text(start),
                hs_meeting_title="Presentación",
                hs_meeting_body="Demostración y preguntas.",
                hs_meeting_start_time=_text(start),
                hs_meeting_end_time=_text(start + timedelta(minutes=45)),
                hs_meeting_outcome=dice.choices(("COMPLETED", "NO_SHOW"), (0.9, 0.1))[0],
            )
        elif event.stage == "contractsent" and dice.random() < 0.7:
            self._email(event.at, about, "Contrato", "Adjuntamos el contrato.", incoming=False)

    def deal_won(self, event: ev.DealWon, deal: Record) -> None:
        """What was sold, as a line item, and half the time a note for those who take over."""
        plan, interval = deal.properties["tenfold_plan"], deal.properties["tenfold_billing_interval"]
        full, paid = Decimal(deal.properties["tenfold_list_amount"]), Decimal(deal.properties["amount"])
        product = self._product(plan, interval, event.at)
        self._create(
            "line_items",
            event.at,
            [deal],
            name=_product_name(plan, interval),
            hs_product_id=str(product),
            hs_sku=f"{plan}-{interval}",
            quantity="1",
            price=str(full),
            discount=str(full - paid),
            amount=str(paid),
            hs_line_item_currency_code=CURRENCY,
            recurringbillingfrequency=FREQUENCY[interval],
        )
        if self._dice("won", event.deal).random() < 0.5:
            self._note(event.at, self._around(deal), f"Ganado: {plan}. Pasa a Customer Success.")

    def deal_lost(self, event: ev.DealLost, deal: Record) -> None:
        """Why, when somebody wrote it down."""
        dice = self._dice("lost", event.deal)
        if dice.random() < 0.6:
            self._note(event.at, self._around(deal), f"Perdido: {dice.choice(LOST_REASONS)}.")

    def survey(self, event: ev.SurveyAnswered, contact: Record | None) -> None:
        """One submission for each of the two questions."""
        who = contact.properties.get("email", "") if contact is not None else ""
        dice = self._dice("survey", f"{event.company}/{event.at:%Y%m%d%H%M%S}")
        for kind, value, group in (
            ("NPS", event.nps, _group(event.nps, 9, 7)),
            ("CSAT", event.csat, _group(event.csat, 4, 3)),
        ):
            self._create(
                "feedback_submissions",
                event.at,
                [contact] if contact is not None else [],
                hs_submission_name=f"{kind} - {who}" if who else kind,
                hs_survey_name=f"Encuesta {kind}",
                hs_survey_id="1" if kind == "NPS" else "2",
                hs_survey_type=kind,
                hs_survey_channel="EMAIL",
                hs_value=str(value),
                hs_response_group=group,
                hs_content=dice.choice(REMARKS[group]),
                hs_submission_timestamp=_text(event.at),
            )

    def deliverable_requested(self, event: ev.DeliverableRequested, about: Iterable[Record]) -> None:
        """The mail in which the client asked, when it came by mail."""
        if self._dice("requested", event.deliverable).random() < 0.3:
            self._email(event.at, about, event.subject, "¿Podéis preparar esto?", incoming=True)

    def deliverable_error(self, event: ev.DeliverableErrorReported, ticket: Record) -> None:
        """A note on the ticket, half the time."""
        key = f"{event.deliverable}/{event.at:%Y%m%d%H%M%S}"
        if self._dice("error", key).random() < 0.5:
            self._note(event.at, self._around(ticket), "El cliente informa de un error.")

    def _around(self, record: Record) -> list[Record]:
        """The record with the contacts and companies that it is associated with."""
        return [
            record,
            *(
                self._records.tables[kind].records[number]
                for kind in ("contacts", "companies")
                for number in record.links.get(kind, {})
            ),
        ]

    def _product(self, plan: str, interval: str, at: datetime) -> int:
        """The product's id; it enters the library when it is first sold."""
        number = self._products.get((plan, interval))
        if number is None:
            product = self._records.create(
                "products",
                {
                    "name": _product_name(plan, interval),
                    "hs_sku": f"{plan}-{interval}",
                    "price": str(PLANS[plan][interval]),
                    "recurringbillingfrequency": FREQUENCY[interval],
                },
                at,
            )
            number = self._products[plan, interval] = product.id
        return number

    def _email(
        self, at: datetime, about: Iterable[Record], subject: str, text: str, *, incoming: bool
    ) -> None:
        self._create(
            "emails",
            at,
            about,
            hs_timestamp=_text(at),
            hs_email_subject=subject,
            hs_email_text=text,
            hs_email_direction="INCOMING_EMAIL" if incoming else "EMAIL",
            hs_email_status="SENT",
        )

    def _call(self, at: datetime, about: Iterable[Record], title: str, dice: Random) -> None:
        answered = dice.random() < 0.8
        self._create(
            "calls",
            at,
            about,
            hs_timestamp=_text(at),
            hs_call_title=title,
            hs_call_direction="OUTBOUND",
            hs_call_status="COMPLETED" if answered else "NO_ANSWER",
            hs_call_disposition=CONNECTED if answered else NO_ANSWER,
            hs_call_duration=str(dice.randrange(60_000, 1_500_000) if answered else 0),
        )

    def _note(self, at: datetime, about: Iterable[Record], text: str) -> None:
        self._create("notes", at, about, hs_timestamp=_text(at), hs_note_body=f"<p>{text}</p>")

    def _create(self, kind: str, at: datetime, about: Iterable[Record], **properties: str) -> None:
        others = list(about)
        owner = next((each.properties["hubspot_owner_id"] for each in others if _owned(each)), "")
        record = self._records.create(kind, {**properties, "hubspot_owner_id": owner}, at)
        for other in others:
            if (kind, other.kind) in LINKS:
                self._records.link(record, other)


def _owned(record: Record) -> bool:
    return bool(record.properties.get("hubspot_owner_id"))


def _product_name(plan: str, interval: str) -> str:
    return f"Plan {plan} ({interval})"


def _group(value: int, promoter: int, passive: int) -> str:
    return "PROMOTER" if value >= promoter else "PASSIVE" if value >= passive else "DETRACTOR"


def _text(moment: datetime) -> str:
    return iso(milliseconds(moment))
