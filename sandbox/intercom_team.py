"""Who works in Intercom's workspace, and the teams of the support levels."""

from datetime import datetime
from typing import Any

from sandbox.company import STAFF, TEAM_OF_LEVEL, instant

TEAM_IDS = {"L1": 6_407_161, "L2": 6_407_162, "L3": 6_407_163}
ADMIN_IDS = {person.id: 4_423_400 + 11 * place for place, person in enumerate(STAFF)}
STAFF_OF_ADMIN = {ADMIN_IDS[person.id]: person for person in STAFF}
BOT_ID = 4_423_399
BOT_EMAIL = "operator+tenfold@intercom.io"


def admins(clock: datetime) -> list[dict[str, Any]]:
    """Everyone of the team who works at `clock`, with the teams they serve."""
    day = clock.date()
    return [
        {
            "type": "admin",
            "id": str(ADMIN_IDS[person.id]),
            "name": f"{person.first_name} {person.last_name}",
            "email": person.email,
            "job_title": person.role,
            "away_mode_enabled": False,
            "away_mode_reassign": False,
            "away_status_reason_id": None,
            "has_inbox_seat": bool(person.levels),
            "team_ids": [TEAM_IDS[level] for level in person.levels],
            "team_priority_level": {},
        }
        for person in STAFF
        if instant(person.start) <= clock and person.employed_on(day)
    ]


def teams(clock: datetime) -> list[dict[str, Any]]:
    """The teams of the support levels."""
    day = clock.date()
    return [
        {
            "type": "team",
            "id": str(TEAM_IDS[level]),
            "name": name,
            "admin_ids": [
                ADMIN_IDS[person.id] for person in STAFF if level in person.levels and person.employed_on(day)
            ],
            "admin_priority_level": {},
            "assignment_limit": None,
            "distribution_method": "manual",
        }
        for level, name in TEAM_OF_LEVEL.items()
    ]
