"""Answers that a person gave for an account's files, kept for later files of the same shape.

`import_profiles.yaml` in the home lists them; it may be edited by hand. A file that decides a question itself
is never told otherwise: an answer about amounts or dates counts only where the file leaves it open.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from connectors.accounting import ImportedFile, ReadOptions
from connectors.accounting.likeness import Likeness, likeness
from connectors.accounting.reading import read_bytes
from tasks.import_kept import ANSWERS, answers
from tasks.import_report import questions
from warehouse.store import write_whole

FILE = "import_profiles.yaml"
_HOW = ("decimal_mark", "date_order")  # how to read, which some files say themselves
_WHAT = ("account", "currency")  # what a file that names none is about


class NoProfile(Exception):
    """A profile that cannot be saved or read; the message says why."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The answers for files that look like this."""

    name: str
    likeness: Likeness
    answers: dict[str, str] = field(default_factory=dict)


def load_profiles(home: Path | None) -> tuple[Profile, ...]:
    """The profiles of a home. Raises NoProfile for a file that cannot be read."""
    path = home / FILE if home else None
    if path is None or not path.exists():
        return ()
    try:
        return tuple(_parsed(each) for each in yaml.safe_load(path.read_text(encoding="utf-8")) or [])
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise NoProfile(
            f"{FILE} in the home is damaged ({type(error).__name__}): correct or remove it."
        ) from None


def _parsed(found: dict[str, Any]) -> Profile:
    given = {name: str(found[name]) for name in ANSWERS if found.get(name) is not None}
    return Profile(found["name"], Likeness(found.get("format"), tuple(found["header"])), given)


def store_profile(home: Path, name: str, files: Iterable[bytes], options: ReadOptions) -> Profile:
    """Keep the answers in `options` for files that look like these; an older profile of that name goes.

    Raises NoProfile when there is no answer, or when the files do not look alike.
    """
    given = {key: value for key, value in answers(options).items() if value is not None}
    if not given:
        raise NoProfile("No answer to save: give --decimal-mark, --date-order, --account or --currency.")
    looks = {likeness(data, options) for data in files}
    look = next(iter(looks), None)
    if len(looks) != 1 or look is None:
        raise NoProfile(
            "A profile needs files with the same header of a table; name only those of one account."
        )
    profile = Profile(name, look, given)
    kept = [each for each in load_profiles(home) if each.name != name]
    listed = [
        {"name": p.name, "format": p.likeness.format, "header": list(p.likeness.header), **p.answers}
        for p in (*kept, profile)
    ]
    write_whole(home / FILE, yaml.safe_dump(listed, allow_unicode=True, sort_keys=False))
    return profile


def read_with_profiles(
    name: str, data: bytes, options: ReadOptions, profiles: Sequence[Profile]
) -> tuple[ImportedFile, ReadOptions, str | None]:
    """A file as read, the options that it was read with, and the name of the profile that had a say.

    What a person says now goes first. Where several profiles fit, only what they agree on counts.
    """
    found = read_bytes(name, data, options)
    look = likeness(data, options) if profiles else None
    fitting = [profile for profile in profiles if profile.likeness == look]
    said: dict[str, Any] = {
        key: values.pop()
        for key in ANSWERS
        if len(values := {profile.answers.get(key) for profile in fitting}) == 1
        and getattr(options, key) is None
    }
    said = {key: value for key, value in said.items() if value is not None}
    asked = {question.removeprefix("--").replace("-", "_") for question in questions(found)}
    counts = {key: value for key, value in said.items() if key in _WHAT or key in asked}
    if not counts:
        return found, options, None
    better = replace(options, **counts)
    again = read_bytes(name, data, better)
    if again == found:
        return found, options, None
    still = {question.removeprefix("--").replace("-", "_") for question in questions(again)}
    if more := {key: value for key, value in said.items() if key in still and key not in counts}:
        better = replace(better, **more)
        again = read_bytes(name, data, better)
    return again, better, " and ".join(profile.name for profile in fitting)
