"""What happens in the simulated company, as it shows in Intercom."""

from collections.abc import Callable
from random import Random
from typing import Any

from sandbox import events as ev
from sandbox.hubspot_story import HubSpotStory
from sandbox.intercom_records import (
    Company,
    Contact,
    Conversation,
    IntercomRecords,
    Part,
    hex_id,
    unix,
)
from sandbox.intercom_team import ADMIN_IDS, BOT_ID, TEAM_IDS

# Where a rating carries no `updated_at`, `created_at` is the answer's time; the last digit of the id decides.
RATINGS_WITHOUT_UPDATE = "7"
CUSTOMER_TICKET = "81"
TICKET_SHARE = 0.35
NOTE_SHARE = 0.5


class IntercomStory:
    """Writes events into the records, whatever API calls have meanwhile done to them."""

    def __init__(self, records: IntercomRecords, hubspot: HubSpotStory, seed: int = 0) -> None:
        """HubSpot's records give the external ids; they must already show an event given here.

        `seed` is for tickets and notes alone; the events themselves are already decided.
        """
        self.records, self.hubspot, self._seed = records, hubspot, seed
        self._people: dict[str, ev.LeadCreated | ev.PersonAdded] = {}
        self._contact_of: dict[str, str] = {}  # person key -> contact id
        self._company_of: dict[str, str] = {}  # company key -> company id
        self._conversation_of: dict[str, int] = {}
        self._ticket_of: dict[str, int] = {}  # conversation key -> ticket id
        self._members: dict[str, list[str]] = {}  # company key -> person keys
        self._companies: dict[str, ev.LeadCreated] = {}
        self._deals: dict[str, ev.DealCreated] = {}
        self._appliers: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.LeadCreated: self._lead_created,
            ev.PersonAdded: self._person_added,
            ev.OptedOut: self._opted_out,
            ev.PeopleMerged: self._people_merged,
            ev.DealCreated: self._deal_created,
            ev.DealWon: self._deal_won,
            ev.ConversationOpened: self._opened,
            ev.ConversationPart: self._part,
            ev.ConversationTagged: self._tagged,
            ev.ConversationRated: self._rated,
            ev.CampaignBounced: self._bounced,
        }

    def apply(self, event: ev.Event) -> None:
        """Show what happened."""
        applier = self._appliers.get(type(event))
        if applier is not None:
            applier(event)

    # People and companies.

    def _lead_created(self, event: ev.LeadCreated) -> None:
        self._companies[event.company] = event
        self._person(event)

    def _person_added(self, event: ev.PersonAdded) -> None:
        self._person(event)
        if event.company in self._company_of:
            self._ensure_contact(event.person, unix(event.at))

    def _person(self, event: ev.LeadCreated | ev.PersonAdded) -> None:
        self._people[event.person] = event
        self._members.setdefault(event.company, []).append(event.person)

    def _known(self, person: str) -> Contact | None:
        """The person's contact, or the one it was merged into; None when there is none (any more)."""
        number = self._contact_of.get(person, "")
        while number in self.records.merged:
            number = self.records.merged[number]
        return self.records.contacts.get(number)

    def _ensure_contact(self, person: str, at: int) -> Contact:
        if (known := self._known(person)) is not None:
            return known
        about = self._people[person]
        # Somebody whose contact was deleted comes back as a new one.
        again = f"{person}/{at}" if person in self._contact_of else person
        contact = Contact(
            id=hex_id("contact", again),
            external_id=str(self.hubspot.person_id(person)),
            role="user" if about.company in self._company_of else "lead",
            email=about.email,
            name=f"{about.first_name} {about.last_name}",
            created=at,
            updated=at,
            language=about.language,
        )
        if number := self._company_of.get(about.company):
            company = self.records.companies[number]
            self.records.changing(company, at)
            contact.companies.append(number)
            company.contacts.append(contact.id)
        self._contact_of[person] = contact.id
        return self.records.add_contact(contact, at)

    def _opted_out(self, event: ev.OptedOut) -> None:
        if contact := self._known(event.person):
            self.records.changing(contact, unix(event.at))
            contact.unsubscribed = True

    def _bounced(self, event: ev.CampaignBounced) -> None:
        if contact := self._known(event.person):
            self.records.changing(contact, unix(event.at))
            contact.bounced = True

    def _people_merged(self, event: ev.PeopleMerged) -> None:
        gone = self._known(event.gone)
        if gone is None:
            return
        at = unix(event.at)
        kept = self._ensure_contact(event.kept, at)
        if kept is not gone:
            self.records.merge_contacts(kept, gone, at)

    def _deal_created(self, event: ev.DealCreated) -> None:
        self._deals[event.deal] = event

    def _deal_won(self, event: ev.DealWon) -> None:
        deal, at = self._deals[event.deal], unix(event.at)
        about = self._companies[deal.company]
        if deal.company in self._company_of:
            company = self.records.companies[self._company_of[deal.company]]
            self.records.changing(company, at)
            company.plan = deal.plan
            return
        company = Company(
            id=hex_id("company", deal.company),
            company_id=str(self.hubspot.company_id(deal.company)),
            name=about.name,
            created=at,
            updated=at,
            website=f"https://{about.domain}",
            industry=about.industry,
            plan=deal.plan,
        )
        self.records.companies[company.id] = company
        self._company_of[deal.company] = company.id
        self.records.version += 1
        self.records.announce("company.created", company, at)
        for person in self._members[deal.company]:
            contact = self._ensure_contact(person, at)
            if contact.id in company.contacts:
                continue
            self.records.changing(contact, at)
            contact.role = "user"
            contact.companies.append(company.id)
            company.contacts.append(contact.id)
        dice = Random(f"{self._seed}/note/{event.deal}")
        if (contact_ := self._known(deal.person)) is not None and dice.random() < NOTE_SHARE:
            admin = ADMIN_IDS["cs1"]
            self.records.add_note(contact_, f"Bienvenida hecha, plan {deal.plan}.", admin, at)

    # Conversations, and the tickets that some of them lead to.

    def _opened(self, event: ev.ConversationOpened) -> None:
        at = unix(event.at)
        contact = self._ensure_contact(event.person, at)
        conversation = Conversation(
            id=self.records.next_id(at),
            contact=contact.id,
            subject=event.subject,
            body=event.body,
            created=at,
            updated=at,
            waiting_since=at,
        )
        self._conversation_of[event.conversation] = conversation.id
        self.records.changing(contact, at)
        contact.last_replied = at
        self.records.add_conversation(conversation)

    def _part(self, event: ev.ConversationPart) -> None:
        conversation, at = self._conversation(event.conversation), unix(event.at)
        if conversation is None:
            return
        author = (event.author_kind, event.author)
        if event.author_kind == "user":
            contact = self._ensure_contact(event.author, at)
            author = ("user", contact.id)
            self.records.changing(contact, at)
            contact.last_replied = at
        self.records.add_part(
            conversation,
            Part(
                id=self.records.next_id(at),
                kind=event.kind,
                author=author,
                body=event.body,
                at=at,
                assigned=("team", TEAM_IDS[event.to_level]) if event.to_level else None,
                until=at + 86_400 if event.kind == "snoozed" else None,
            ),
        )
        self._ticket(event, conversation, author, at)

    def _ticket(
        self, event: ev.ConversationPart, conversation: Conversation, author: tuple[str, str], at: int
    ) -> None:
        """Some escalations become a ticket, which is worked on and resolved with its conversation."""
        key = event.conversation
        if key not in self._ticket_of:
            escalated = event.kind == "assignment" and event.to_level in ("L2", "L3")
            if escalated and Random(f"{self._seed}/ticket/{key}").random() < TICKET_SHARE:
                attributes = {
                    "_default_title_": conversation.subject,
                    "_default_description_": conversation.body,
                }
                ticket = self.records.add_ticket(
                    CUSTOMER_TICKET, [conversation.contact], attributes, author, at
                )
                ticket.conversation, ticket.team = conversation.id, TEAM_IDS[event.to_level]
                self._ticket_of[key] = ticket.id
                conversation.tickets.append(ticket.id)
                conversation.shown = None
            return
        known = self.records.tickets.get(self._ticket_of[key])
        if known is None:
            return
        if event.kind == "comment" and author[0] == "admin" and known.state == "submitted":
            self.records.move_ticket(known, "in_progress", author, at)
        elif event.kind == "close" and known.state != "resolved":
            self.records.move_ticket(known, "resolved", author, at)

    def _conversation(self, key: str) -> Conversation | None:
        """The conversation, unless an API call has meanwhile deleted it."""
        return self.records.conversations.get(self._conversation_of[key])

    def _tagged(self, event: ev.ConversationTagged) -> None:
        number, at = self.records.tag_id(event.tag), unix(event.at)
        if conversation := self._conversation(event.conversation):
            self.records.changing(conversation, at)
            conversation.tags[number] = (at, str(conversation.admin or BOT_ID))
            self.records.announce("conversation_part.tag.created", conversation, at)

    def _rated(self, event: ev.ConversationRated) -> None:
        conversation, at = self._conversation(event.conversation), unix(event.at)
        if conversation is None:
            return
        self.records.changing(conversation, at)
        closes = [part.at for part in conversation.parts if part.kind == "close"]
        asked = closes[-1] if closes else conversation.created
        plain = str(conversation.id).endswith(RATINGS_WITHOUT_UPDATE)
        # The request for a rating makes it; the answer only updates it.
        conversation.rating = {
            "rating": event.rating,
            "remark": event.remark,
            "created_at": at if plain else asked,
            **({} if plain else {"updated_at": at}),
            "admin": conversation.admin,
        }
        self.records.announce("conversation.rating.added", conversation, at)
