"""From a verb to a row of the outbox: its key, its marker, and until when it is of use."""

from datetime import datetime
from hashlib import sha256
from typing import Any

from tasks.verbs import Verb
from warehouse.ledger import NewEffect


def marker(business_key: str) -> str:
    """What finds an effect again at the provider; the same for the same business key, always."""
    return sha256(business_key.encode()).hexdigest()[:32]


def effect(verb: Verb[Any], occasion: str, *, useful_until: datetime) -> NewEffect:
    """The effect of a verb for an occasion ("triage/conversation 17"): the same one happens once.

    A verb that may happen only once for something of its own (a contact and a step of a journey) does so
    whatever the occasion. After `useful_until` (aware) it is not done any more: what waited in a dry run does
    not come out late.
    """
    kept_for = verb.once_for()
    # What a verb is kept for may name a person; the key is shown to operators.
    once = occasion if kept_for is None else marker(kept_for)
    key = f"{verb.channel}/{verb.do}/{once}"
    mark = f"[tenfold:{marker(key)}]"
    return NewEffect(
        business_key=key,
        channel=verb.channel,
        payload=verb.marked(mark).model_dump(mode="json", exclude_none=True),
        marker=mark,
        useful_until=useful_until,
    )
