"""The ways out of the house: one channel for each group of effects that a person would switch together."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Channel:
    """What goes out through it, for whoever throws the switch.

    `askable`: the other side can be asked afterwards whether something was done. What waits for an answer
    then waits until it can be asked; elsewhere a lost answer ends as `unknown`.
    """

    does: str
    askable: bool


CHANNELS: Mapping[str, Channel] = {
    "mail": Channel("mails to clients, reports to colleagues", askable=False),
    "hubspot_task": Channel("tasks for colleagues in HubSpot", askable=True),
    "notify": Channel("notices to colleagues by Apprise", askable=False),
    "hubspot": Channel("HubSpot: contacts, properties and notes", askable=True),
    "intercom_reply": Channel("Intercom: answers that a client sees", askable=True),
    "intercom": Channel("Intercom: notes, tags, assignments, states and attributes", askable=True),
    "mailchimp": Channel("Mailchimp: members, tags and events", askable=True),
    "mailchimp_journey": Channel("Mailchimp: steps of customer journeys", askable=False),
    "transactional": Channel("single mails through Mailchimp Transactional", askable=True),
}
