"""Which records a Mailchimp webhook is about. Pure; the records themselves are read again."""

import hashlib
from collections.abc import Mapping
from typing import Any

# The form's fields that hold an address, by type: after a change of address only the new one is found.
ADDRESSES = ("email", "new_email", "old_email")
ABOUT_MEMBERS = ("subscribe", "unsubscribe", "profile", "cleaned", "upemail")


def affected(form: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(resource, key) of every record the webhook is about; none for a type that we do not know.

    `form` holds the fields as sent (`data[email]`) or taken apart (`data` -> `email`). A webhook names a
    member by address, so the key holds the hash of it, which a read by id takes as well as the contact's id:
    what comes back carries its own key.
    """
    kind = _text(form.get("type"))
    if kind == "campaign":
        campaign = _field(form, "id")
        return [("campaigns", campaign), ("reports", campaign)] if campaign else []
    audience = _field(form, "list_id")
    if kind not in ABOUT_MEMBERS or not audience:
        return []
    addresses = [address for name in ADDRESSES if (address := _field(form, name))]
    keys = dict.fromkeys(f"{audience}+{subscriber_hash(address)}" for address in addresses)
    return [("members", key) for key in keys]


def subscriber_hash(address: str) -> str:
    """Mailchimp's id of an address."""
    return hashlib.md5(address.strip().lower().encode(), usedforsecurity=False).hexdigest()


def _field(form: Mapping[str, Any], name: str) -> str:
    data = form.get("data")
    return _text(form.get(f"data[{name}]", data.get(name) if isinstance(data, Mapping) else None))


def _text(value: object) -> str:
    if isinstance(value, list):  # a form that was taken apart may keep several values of one field
        value = value[0] if value else None
    return str(value or "")
