"""What a model makes of lines that no rule and no memory knows; it may always say nothing.

It learns from lines that people decided, and from no other. It starts at 150 of them, answers only where it
is sure (probability, distance to the next answer, and a confirmed line that reads alike), and never names an
account that is closed. Before a new one counts it is tried on the latest fifth of the confirmed lines, having
seen the earlier ones; when it does worse there than the last one did, the last one stays.

Without scikit-learn installed nothing is learnt, and that is said.
"""

import hashlib
import importlib.util
import json
import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from warehouse.store import write_whole

FROM = 150  # confirmed lines
SURE, MARGIN, ALIKE = 0.85, 0.3, 0.3
HELD_OUT = 0.2
_FEWEST = 3  # lines of an account, so that probabilities can be calibrated in three folds
_BATCH = 5000
FILE = "categories.model.json"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the model sees of a line."""

    key: str
    text: str
    amount: Decimal
    format: str
    category: str
    moved_on: date


@dataclass(frozen=True, slots=True)
class Known:
    """A line with the account that a person gave it."""

    line: Seen
    account: str


@dataclass(frozen=True, slots=True)
class Guess:
    """An answer the model is sure of."""

    key: str
    account: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Learned:
    """A model, or None and why there is none."""

    model: "Model | None"
    reason: str


class Model:
    """A fitted model. `version` is made from what it learnt: the same lines give the same one."""

    def __init__(self, known: Sequence[Known]) -> None:
        # Loaded here: most runs have nothing to learn from, and must not pay a second for it.
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        counts = Counter(one.account for one in known)
        known = [one for one in known if counts[one.account] >= _FEWEST]
        self.version = _version(known)
        self._letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
        self._facts = DictVectorizer()
        self._texts = self._letters.fit_transform([one.line.text for one in known])
        self._facts.fit([_facts(one.line) for one in known])
        self._answers = CalibratedClassifierCV(
            LogisticRegression(C=10, max_iter=1000), method="sigmoid", cv=3, ensemble=False
        )
        self._answers.fit(self._features([one.line for one in known]), [one.account for one in known])

    def _features(self, lines: Sequence[Seen]) -> Any:
        from scipy.sparse import hstack

        return hstack(
            [
                self._letters.transform([line.text for line in lines]),
                0.3 * self._facts.transform([_facts(line) for line in lines]),
            ]
        ).tocsr()

    def best(self, lines: Sequence[Seen]) -> list[str]:
        """The likeliest account of each line, sure or not."""
        return [str(account) for account in self._answers.predict(self._features(lines))]

    def guesses(self, lines: Sequence[Seen], allowed: Collection[str]) -> Iterator[Guess]:
        """An answer for each line that it is sure of, among the accounts allowed."""
        names = [str(name) for name in self._answers.classes_]
        for start in range(0, len(lines), _BATCH):
            part = lines[start : start + _BATCH]
            chances = self._answers.predict_proba(self._features(part))
            alike = (self._letters.transform([line.text for line in part]) @ self._texts.T).max(axis=1)
            likeness = alike.toarray().ravel()
            for line, row, like in zip(part, chances, likeness, strict=True):
                ranked = sorted(zip(row, names, strict=True), reverse=True)
                first, second = ranked[0], ranked[1] if len(ranked) > 1 else (0.0, "")
                sure = first[0] >= SURE and first[0] - second[0] >= MARGIN and like >= ALIKE
                if sure and first[1] in allowed:
                    yield Guess(line.key, first[1], round(float(first[0]), 4))


def learn(known: Sequence[Known], home: Path) -> Learned:
    """The model that counts now; what it was made from is kept in the home."""
    if len(known) < FROM:
        return Learned(None, f"{len(known)} of {FROM} confirmed lines that it takes to learn")
    if importlib.util.find_spec("sklearn") is None:
        return Learned(None, "scikit-learn is not installed")
    ordered = sorted(known, key=lambda one: (one.line.moved_on, one.line.key))
    if sum(count >= _FEWEST for count in Counter(one.account for one in ordered).values()) < 2:
        return Learned(None, f"fewer than two accounts have {_FEWEST} confirmed lines")
    last = _read(home)
    version = _version(ordered)
    if last and last["version"] == version:
        return Learned(Model(ordered), last["said"])
    score = held_out(ordered)
    if last and score < last["score"]:
        kept = set(last["keys"])
        of_before = [one for one in ordered if one.line.key in kept]
        said = (
            f"right in {score:.0%} of the held-out lines, less than the {last['score']:.0%} of the last model"
        )
        return Learned(Model(of_before) if len(of_before) >= FROM else None, said)
    said = f"right in {score:.0%} of the held-out lines, learnt from {len(ordered)}"
    keys = [one.line.key for one in ordered]
    write_whole(home / FILE, json.dumps({"version": version, "score": score, "said": said, "keys": keys}))
    return Learned(Model(ordered), said)


def held_out(ordered: Sequence[Known]) -> float:
    """The share of the latest lines that a model of the earlier ones puts right."""
    cut = len(ordered) - max(1, math.floor(len(ordered) * HELD_OUT))
    before, after = ordered[:cut], ordered[cut:]
    counts = Counter(one.account for one in before)
    if sum(count >= _FEWEST for count in counts.values()) < 2:
        return 0.0
    said = Model(before).best([one.line for one in after])
    return sum(account == one.account for account, one in zip(said, after, strict=True)) / len(after)


def _facts(line: Seen) -> dict[str, float]:
    size = round(math.log10(max(abs(float(line.amount)), 0.01)) * 2)
    return {
        f"size={'+' if line.amount > 0 else '-'}{size}": 1.0,
        f"format={line.format}": 1.0,
        f"category={line.category}": 1.0,
        f"day={line.moved_on.day // 7}": 1.0,
    }


def _version(known: Sequence[Known]) -> str:
    total = hashlib.sha256()
    for one in sorted(known, key=lambda one: one.line.key):
        total.update(f"{one.line.key}\0{one.account}\0".encode())
    return total.hexdigest()[:12]


def _read(home: Path) -> dict[str, Any] | None:
    path = home / FILE
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None  # it is made anew from the ledger
    return found if isinstance(found, dict) and found.keys() >= {"version", "score", "said", "keys"} else None
