"""What an Intercom workspace has beside people and conversations: its identity, articles and segments."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.intercom_answers import APP_ID, STARTED_AT
from sandbox.intercom_records import Contact, IntercomRecords, hex_id, unix
from sandbox.intercom_team import ADMIN_IDS


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment; who belongs to it is a question of what each contact is like now."""

    id: str
    name: str
    person_type: str
    holds: Callable[[Contact], bool]


SEGMENTS = (
    Segment(hex_id("segment", "clients"), "Clientes", "user", lambda one: one.role == "user"),
    Segment(hex_id("segment", "leads"), "Leads", "contact", lambda one: one.role == "lead"),
    Segment(
        hex_id("segment", "silent"),
        "Sin correo",
        "contact",
        lambda one: one.unsubscribed or one.bounced,
    ),
)


def segment(records: IntercomRecords, one: Segment, *, count: bool) -> dict[str, Any]:
    """A segment, with the number of its contacts when asked for."""
    body: dict[str, Any] = {
        "type": "segment",
        "id": one.id,
        "name": one.name,
        "created_at": STARTED_AT,
        "updated_at": STARTED_AT,
        "person_type": one.person_type,
    }
    if count:
        living = (each for each in records.contacts.values() if not each.archived)
        body["count"] = sum(one.holds(each) for each in living)
    return body


def me(admins: Sequence[dict[str, Any]], seed: int) -> dict[str, Any]:
    """The workspace and the admin whose token this is; another seed is another company's workspace."""
    first = admins[0]
    shown = ("type", "id", "name", "email", "job_title", "has_inbox_seat", "team_ids")
    return {
        **{name: first[name] for name in shown},
        "away_mode_enabled": False,
        "away_mode_reassign": False,
        "avatar": {"type": "avatar", "image_url": None},
        "email_verified": True,
        "app": {
            "type": "app",
            "id_code": f"{APP_ID}{seed}",
            "name": "Tenfold Demo",
            "region": "EU",
            "timezone": "Europe/Madrid",
            "created_at": STARTED_AT,
            "identity_verification": False,
        },
    }


ARTICLES = (
    ("Primeros pasos con tu plataforma", "Cómo entrar y configurar lo básico."),
    ("First steps with your platform", "How to sign in and set up the basics."),
    ("Conectar tus integraciones", "Correo, calendario y CRM en diez minutos."),
    ("Reading your monthly report", "What each figure means and where it comes from."),
    ("Pedir un entregable", "Qué datos necesitamos y cuánto tarda."),
    ("Cancelling or changing your plan", "How and when a change takes effect."),
)


def articles(clock: datetime) -> list[dict[str, Any]]:
    """The help centre, the last updated first."""
    week = 7 * 86_400
    found = []
    for place, (title, description) in enumerate(ARTICLES):
        number, at = 9_120_001 + place, STARTED_AT + (place + 1) * 5 * week
        if at > unix(clock):
            continue
        found.append(
            {
                "type": "article",
                "id": str(number),
                "workspace_id": APP_ID,
                "title": title,
                "description": description,
                "body": f"<p>{description}</p>",
                "author_id": ADMIN_IDS["cs1"],
                "state": "published",
                "created_at": at - week,
                "updated_at": at,
                "url": f"https://help.tenfold.example/articles/{number}",
                "parent_ids": [],
                "default_locale": "es" if place % 2 == 0 else "en",
                "tags": {"type": "tag.list", "tags": []},
            }
        )
    return found[::-1]
