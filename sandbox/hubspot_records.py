"""HubSpot's records with their history and links, and every change that can happen to them.

Times are epoch milliseconds. Ids rise with creation and depend on the instant and kind alone, so that the
same event has the same id in every run.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.company import STAFF, STAFF_BY_ID, Staff, instant
from sandbox.hubspot_associations import LINKS, MIRROR
from sandbox.hubspot_pipelines import PIPELINES
from sandbox.hubspot_schema import (
    DEFINITIONS,
    TYPE_IDS,
    Definition,
    created_property,
    modified_property,
)

ID_EPOCH = 1_735_689_600  # 2025-01-01; keeps ids short
PER_SECOND = 10_000
KEPT_ARCHIVED = timedelta(days=90)

# Told of each announced change: the subscription's last word, the record, and what else the vendor says.
Tell = Callable[..., None]


@dataclass(slots=True, eq=False)
class Record:
    """One object. `history` holds, per change, when the older values had been written and what they were.

    `born` is when its id appeared: later than `created` for one that a merge made.
    """

    id: int
    kind: str
    properties: dict[str, str]
    created: int
    updated: int
    born: int
    archived_at: int | None = None
    history: list[tuple[int, dict[str, str | None]]] = field(default_factory=list)
    links: dict[str, dict[int, set[int]]] = field(default_factory=dict)
    shown: dict[object, bytes] = field(default_factory=dict)  # JSON by asked properties, until it changes

    def at(self, moment: int) -> tuple[int, dict[str, str]] | None:
        """When it was last changed and its properties as they were at `moment`; None before its creation."""
        if self.born > moment:
            return None
        updated, properties = self.updated, self.properties
        for before, older in reversed(self.history):
            if updated <= moment:
                break
            properties = {**properties}
            for name, value in older.items():
                if value is None:
                    properties.pop(name, None)
                else:
                    properties[name] = value
            updated = before
        return updated, properties


def iso(ms: int) -> str:
    """Milliseconds as HubSpot writes them."""
    whole, rest = divmod(ms, 1000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def milliseconds(moment: datetime) -> int:
    """The instant in whole seconds, as milliseconds."""
    return int(moment.timestamp()) * 1000


class Table:
    """All records of one type, in id order."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.definitions: dict[str, Definition] = dict(DEFINITIONS[kind])
        self.records: dict[int, Record] = {}
        self.living: list[int] = []
        self.archived: list[int] = []
        # What was archived, merged away or deleted, and when: a search index that lags still knows it.
        self.gone: list[tuple[int, Record]] = []
        self.version = 0
        self._by_time: list[Record] | None = None
        self._last_id = 0

    def next_id(self, second: int) -> int:
        """A fresh id for something created in that second, above every earlier one."""
        self._last_id = max(self._last_id + 1, (second - ID_EPOCH) * PER_SECOND + 1)
        return self._last_id

    def after(self, last: int, *, archived: bool = False) -> Iterator[Record]:
        """Living records (or the archived ones) with ids above `last`, in id order."""
        numbers = self.archived if archived else self.living
        for place in range(bisect_right(numbers, last), len(numbers)):
            yield self.records[numbers[place]]

    def by_time(self) -> list[Record]:
        """Every record that is not archived, the least recently changed first."""
        if self._by_time is None:
            living = (self.records[number] for number in self.living)
            self._by_time = sorted(living, key=lambda record: (record.updated, record.id))
        return self._by_time

    def lately_gone(self, since: int) -> Iterator[Record]:
        """What left the living after that moment, the last first."""
        for when, record in reversed(self.gone):
            if when <= since:
                return
            yield record

    def add(self, record: Record) -> None:
        """Put a new record in; its id is above all others."""
        self.records[record.id] = record
        self.living.append(record.id)
        self.touched()

    def hide(self, record: Record, at: int) -> None:
        """Move a living record to the archived ones."""
        _take_out(self.living, record.id)
        insort(self.archived, record.id)
        self.gone.append((at, record))
        self.touched()

    def remove(self, record: Record, at: int) -> None:
        """Take a record out for good."""
        del self.records[record.id]
        if record.archived_at is None:
            _take_out(self.living, record.id)
            self.gone.append((at, record))
        else:
            _take_out(self.archived, record.id)
        self.touched()

    def touched(self) -> None:
        """Note that a record changed."""
        self.version += 1
        self._by_time = None


def _take_out(numbers: list[int], number: int) -> None:
    del numbers[bisect_left(numbers, number)]


class HubSpotRecords:
    """The portal's content."""

    def __init__(self) -> None:
        self.tables = {kind: Table(kind) for kind in TYPE_IDS}
        self.merged: dict[tuple[str, int], int] = {}  # type and id that went -> id that stayed
        self.by_email: dict[str, Record] = {}
        self.blocked: set[str] = set()  # addresses that were to be deleted before anybody had them
        self.tell: Tell | None = None

    def find(self, kind: str, number: int) -> Record | None:
        """The record of that id, or the one that it was merged into; None when it was deleted for good."""
        while (kind, number) in self.merged:
            number = self.merged[kind, number]
        return self.tables[kind].records.get(number)

    def create(self, kind: str, properties: Mapping[str, str], at: datetime) -> Record:
        """A new record; derived properties are filled in."""
        table = self.tables[kind]
        moment = milliseconds(at)
        record = Record(table.next_id(moment // 1000), kind, {}, moment, moment, moment)
        kept = {name: value for name, value in properties.items() if value != ""}
        kept.update(self._derived(kind, kept))
        record.properties = {
            **kept,
            "hs_object_id": str(record.id),
            created_property(kind): kept.get(created_property(kind)) or iso(moment),
            modified_property(kind): iso(moment),
        }
        table.add(record)
        if kind == "contacts" and "email" in kept:
            self.by_email[kept["email"].lower()] = record
        if self.tell is not None:
            self.tell("creation", record, moment)
        return record

    def update(self, record: Record, properties: Mapping[str, str], at: datetime) -> Record:
        """Set properties ("" clears) and move the record's change time."""
        changes = dict(properties)
        changes.update(self._derived(record.kind, changes))
        moment = milliseconds(at)
        changes[modified_property(record.kind)] = iso(moment)
        if record.kind == "contacts" and "email" in changes:
            self.by_email.pop(record.properties.get("email", "").lower(), None)
            if changes["email"]:
                self.by_email[changes["email"].lower()] = record
        older = {name: record.properties.get(name) for name in changes}
        record.history.append((record.updated, older))
        for name, value in changes.items():
            if value == "":
                record.properties.pop(name, None)
            else:
                record.properties[name] = value
        record.updated = moment
        record.shown.clear()
        self.tables[record.kind].touched()
        if self.tell is not None:
            for name, value in changes.items():
                if (older[name] or "") != value and name != modified_property(record.kind):
                    self.tell("propertyChange", record, moment, propertyName=name, propertyValue=value)
        return record

    def archive(self, record: Record, at: datetime) -> None:
        """Hide it; the change time stays as it was, as at HubSpot."""
        if record.archived_at is not None:
            return
        record.archived_at = milliseconds(at)
        record.shown.clear()
        self._forget_addresses(record)
        self.tables[record.kind].hide(record, record.archived_at)
        for other in self._linked(record):
            # Its own links still tell where it belonged; nobody else shows it any more.
            other.links[record.kind].pop(record.id, None)
            other.shown.clear()
        if self.tell is not None:
            self.tell("deletion", record, record.archived_at)

    def delete(self, record: Record, at: datetime) -> None:
        """Delete a person's record for good, whether archived or not: nothing of it is shown again."""
        moment = milliseconds(at)
        self._remove(record, moment)
        if self.tell is not None:
            self.tell("deletion", record, moment)
            self.tell("privacyDeletion", record, moment)

    def purge(self, clock: datetime, since: datetime) -> None:
        """Drop what was archived more than 90 days ago; what was archived before `since` counts from then."""
        limit, begin = milliseconds(clock - KEPT_ARCHIVED), milliseconds(since)
        for table in self.tables.values():
            for record in [table.records[number] for number in table.archived]:
                if record.archived_at is not None and max(record.archived_at, begin) <= limit:
                    self._remove(record, milliseconds(clock))

    def merge(self, kept: Record, gone: Record, at: datetime, *, new_id: bool = False) -> Record:
        """`gone` disappears into `kept`, with its links and address; the record that stays.

        With `new_id` that is a third one, as at HubSpot since 2025, and both old ids lead to it.
        """
        moment = milliseconds(at)
        table = self.tables[kept.kind]
        # What was merged into those that go has gone into the one that stays.
        merged = [*_several(kept, "hs_merged_object_ids")]
        merged += [str(kept.id)] if new_id else []
        merged += [*_several(gone, "hs_merged_object_ids"), str(gone.id)]
        changes = {"hs_merged_object_ids": ";".join(merged)}
        more = [*_several(gone, "hs_additional_emails"), *_several(gone, "email")]
        if gone.kind == "contacts" and more:
            changes["hs_additional_emails"] = ";".join([*_several(kept, "hs_additional_emails"), *more])
        stays = self._successor(kept, moment) if new_id else kept
        for source in (kept, gone):
            if source is not stays:
                self._move_links(source, stays)
                table.remove(source, moment)
                self.merged[source.kind, source.id] = stays.id
        tell, self.tell = self.tell, None  # a merge is announced as one
        self.update(stays, changes, at)
        self.tell = tell
        for address in _addresses(stays):
            self.by_email[address] = stays
        if self.tell is not None:
            more_ids = {"mergedObjectIds": [gone.id], "newObjectId": stays.id}
            self.tell("merge", stays, moment, primaryObjectId=kept.id, **more_ids)
        return stays

    def _successor(self, kept: Record, moment: int) -> Record:
        table = self.tables[kept.kind]
        number = table.next_id(moment // 1000)
        properties = {**kept.properties, "hs_object_id": str(number)}
        stays = Record(number, kept.kind, properties, kept.created, kept.updated, moment)
        stays.history = [*kept.history]
        table.add(stays)
        return stays

    def _move_links(self, source: Record, target: Record) -> None:
        tell, self.tell = self.tell, None
        for kind, others in source.links.items():
            # A record has one primary company: the target's own, when it has one.
            spare = LINKS[source.kind, kind].primary if kind == "companies" and target.links.get(kind) else 0
            for number, types in others.items():
                other = self.tables[kind].records.get(number)
                if other is None or other.archived_at is not None:
                    continue
                other.links[source.kind].pop(source.id, None)
                self.link(target, other, types - {spare})
        self.tell = tell

    def link(self, one: Record, other: Record, types: set[int] | None = None, at: int = 0) -> None:
        """Associate both ways; without types by default, the first company of a record as its primary.

        As at HubSpot, this moves no change time. `at` is for the announcement alone.
        """
        link = LINKS[one.kind, other.kind]
        if link.primary and one.kind == "companies":
            # The rules of the primary company are those of the record that has it.
            turned = None if types is None else {MIRROR[one.kind, other.kind, each] for each in types}
            self.link(other, one, turned, at)
            return
        wanted = {link.default} if types is None else set(types) | {link.default}
        if types is None and link.primary and not one.links.get("companies"):
            wanted.add(link.primary)
        primary = link.primary in wanted
        if primary:
            for number, each in one.links.get("companies", {}).items():
                each.discard(link.primary)
                earlier = self.tables["companies"].records[number]
                back = earlier.links.get(one.kind, {}).get(one.id, set())
                back.discard(LINKS["companies", one.kind].primary)
                earlier.shown.clear()
            if one.kind == "contacts":
                one.properties["associatedcompanyid"] = str(other.id)
        one.links.setdefault(other.kind, {}).setdefault(other.id, set()).update(wanted)
        mirrored = {MIRROR[one.kind, other.kind, each] for each in wanted}
        other.links.setdefault(one.kind, {}).setdefault(one.id, set()).update(mirrored)
        one.shown.clear()
        other.shown.clear()
        self._tell_of_link(one, other, at, removed=False, primary=primary)

    def unlink(self, one: Record, other: Record, at: int = 0) -> None:
        """Take the association away."""
        for here, there in ((one, other), (other, one)):
            here.links.get(there.kind, {}).pop(there.id, None)
            here.shown.clear()
            if here.kind == "contacts" and here.properties.get("associatedcompanyid") == str(there.id):
                del here.properties["associatedcompanyid"]
        self._tell_of_link(one, other, at, removed=True, primary=False)

    def _tell_of_link(self, one: Record, other: Record, at: int, *, removed: bool, primary: bool) -> None:
        if self.tell is None:
            return
        for here, there in ((one, other), (other, one)):
            self.tell(
                "associationChange",
                here,
                at or max(here.updated, there.updated),
                other=there,
                associationRemoved=removed,
                isPrimaryAssociation=primary,
            )

    def _linked(self, record: Record) -> Iterator[Record]:
        for kind, numbers in record.links.items():
            for number in numbers:
                if (other := self.tables[kind].records.get(number)) is not None:
                    yield other

    def _remove(self, record: Record, moment: int) -> None:
        for other in self._linked(record):
            other.links.get(record.kind, {}).pop(record.id, None)
            other.shown.clear()
        self.tables[record.kind].remove(record, moment)
        record.links = {}
        self._forget_addresses(record)

    def _forget_addresses(self, record: Record) -> None:
        for address in _addresses(record):
            if self.by_email.get(address) is record:
                del self.by_email[address]

    def owners(self, clock: datetime) -> list[dict[str, Any]]:
        """Everyone who has joined the team by `clock`, those who left it archived."""
        return [
            _owner(place, person, clock)
            for place, person in enumerate(STAFF)
            if instant(person.start) <= clock
        ]

    @staticmethod
    def owner_id(staff: str) -> str:
        """The owner id of a staff member, or "" for nobody."""
        return str(_OWNER_IDS[staff]) if staff in STAFF_BY_ID else ""

    def _derived(self, kind: str, properties: Mapping[str, str]) -> dict[str, str]:
        if kind == "deals" and "dealstage" in properties:
            closed = _CLOSED.get(properties["dealstage"], "false")
            return {
                "hs_is_closed": closed,
                "hs_is_closed_won": "true" if properties["dealstage"] == "closedwon" else "false",
            }
        return {}


_CLOSED: dict[str, str] = {
    stage["id"]: stage["metadata"]["isClosed"]
    for pipeline in PIPELINES["deals"]
    for stage in pipeline["stages"]
}


def _several(record: Record, name: str) -> list[str]:
    """The values of a property that holds several, parted by semicolons."""
    return [each for each in record.properties.get(name, "").split(";") if each]


def _addresses(record: Record) -> list[str]:
    if record.kind != "contacts":
        return []
    return [each.lower() for name in ("email", "hs_additional_emails") for each in _several(record, name)]


_OWNER_IDS = {person.id: 71_200_113 + 37 * place for place, person in enumerate(STAFF)}


def _owner(place: int, person: Staff, clock: datetime) -> dict[str, Any]:
    gone = person.end is not None and instant(person.end) <= clock
    joined = iso(milliseconds(instant(person.start)))
    user = 58_300_211 + 13 * place
    return {
        "id": str(_OWNER_IDS[person.id]),
        "email": person.email,
        "type": "PERSON",
        "firstName": person.first_name,
        "lastName": person.last_name,
        "userId": None if gone else user,
        "userIdIncludingInactive": user,
        "createdAt": joined,
        "updatedAt": iso(milliseconds(instant(person.end))) if gone and person.end else joined,
        "archived": gone,
        "teams": [],
    }
