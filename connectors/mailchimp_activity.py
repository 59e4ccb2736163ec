"""What the recipients of Mailchimp's campaigns did, campaign by campaign (docs/decisions/004)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.mailchimp_lists import everything, in_turn
from connectors.mailchimp_paths import OVERLAP, Place, instant
from connectors.pages import Page, Window, cursor_of, state_of
from connectors.transport import Transport

TRAILING = timedelta(days=30)  # a report goes on changing for weeks after the sending
SETTLING = timedelta(days=3)  # bounces arrive for days and move no counter of opens or clicks


@dataclass(frozen=True, slots=True)
class _Report:
    campaign_id: str
    sent_at: datetime | None
    last_activity: datetime | None

    def moved_since(self, moment: datetime) -> bool:
        """Whether its activity may have changed since: something was opened, or it may still bounce."""
        moved = max((at for at in (self.last_activity, self.sent_at) if at), default=None)
        return (moved is not None and moved >= moment) or (
            self.sent_at is not None and self.sent_at >= moment - SETTLING
        )


def email_activity(http: Transport, window: Window, state: Mapping[str, Any]) -> Iterator[Page]:
    """What the recipients did, in an increment only of campaigns that moved.

    Asked with `since`, Mailchimp tells only the newer actions of a recipient, and the record that comes
    back would stand for the whole; so a campaign that moved is read whole, and one at rest not at all.
    """
    chosen = _reports(http)
    if window.since is not None:
        edge = window.since - OVERLAP
        chosen = [each for each in chosen if each.moved_since(edge)]
    done = str(state.get("done", ""))
    total, given = state.get("whole", (0, 0))
    todo = [each.campaign_id for each in chosen if each.campaign_id > done]
    inside = state.get("inside") if todo and state.get("campaign") == todo[0] else None
    for campaign in todo:
        place = Place("/reports/{id}/email-activity", "emails", campaign)
        for page in in_turn(http, [place], inside or {}):
            if page.cursor is not None:
                cursor: str | None = cursor_of(
                    {
                        "done": done,
                        "campaign": campaign,
                        "inside": state_of(page.cursor),
                        "whole": (total, given),
                    }
                )
                yield Page(page.body, page.count, cursor, page.warning)
                continue
            done = campaign
            total, given = total + (page.total or 0), given + (page.given or 0)
            if campaign == todo[-1]:
                yield Page(page.body, page.count, None, page.warning, total, given)
            else:
                cursor = cursor_of({"done": done, "whole": (total, given)})
                yield Page(page.body, page.count, cursor, page.warning)
        inside = None


def _reports(http: Transport) -> list[_Report]:
    found = []
    for row in everything(http, "/reports", "reports", "send_time", "opens.last_open", "clicks.last_click"):
        opened = instant((row.get("opens") or {}).get("last_open"))
        clicked = instant((row.get("clicks") or {}).get("last_click"))
        last = max((at for at in (opened, clicked) if at), default=None)
        found.append(_Report(str(row["id"]), instant(row.get("send_time")), last))
    return found
