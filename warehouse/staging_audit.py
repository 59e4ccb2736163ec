"""What staging finds out about raw records beside their values: lost fields, new ones, unreadable ones.

One query looks at each record once; records are grouped by their fields, and Python sees only the groups.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import duckdb

from warehouse.engine import Cast, Model
from warehouse.store import quoted


@dataclass(slots=True)
class Audit:
    """Of one raw resource and one model: how many records there are, and what is amiss with them.

    `lost`: required path -> records without it. `drift`: field that the model does not list -> records.
    """

    records: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    drift: dict[str, int] = field(default_factory=dict)
    unreadable: int = 0


def audited(model: Model) -> Iterable[tuple[str, str]]:
    """(source, resource) of the raw tables whose records the model answers for."""
    spec = model.spec
    if spec.source and spec.resource:
        return [(spec.source, resource) for resource in spec.resource]
    return model.raw_tables


def look(con: duckdb.DuckDBPyConnection, model: Model, records: str) -> Audit:
    """Look at every record of the relation `records` (key, run_id, body) once."""
    spec = model.spec
    levels = {parent: known for parent, known in _levels(spec.known).items() if "[" not in parent}
    keys = [f"json_keys(body, {quoted(parent)})" for parent in levels]
    lost = [f"count(*) filter (lost[{at}])" for at in range(1, len(spec.required) + 1)]
    fields = [f"any_value(keys{at})" for at in range(len(keys))]
    looked = ", ".join(
        [
            f"{_lost_sql(spec.required)} as lost",
            f"{_unreadable_sql(spec.casts)} as unreadable",
            *(f"{sql} as keys{at}" for at, sql in enumerate(keys)),
        ]
    )
    # Lists are compared field by field; their hash is enough to tell groups apart.
    groups = f" group by hash({', '.join(f'keys{at}' for at in range(len(keys)))})" if keys else ""
    rows = con.execute(
        f"select {', '.join(['count(*)', 'sum(unreadable)', *lost, *fields])} "
        f"from (select {looked} from {records}){groups}"
    ).fetchall()
    audit = Audit(lost=dict.fromkeys(spec.required, 0))
    for count, unreadable, *rest in rows:
        audit.records += count
        audit.unreadable += int(unreadable or 0)
        for path, missing in zip(spec.required, rest, strict=False):
            audit.lost[path] += missing
        for (parent, known), found in zip(levels.items(), rest[len(spec.required) :], strict=True):
            for name in found or ():
                if name not in known:
                    audit.drift[f"{parent}.{name}"] = audit.drift.get(f"{parent}.{name}", 0) + count
    return audit


def _levels(known: Iterable[str]) -> dict[str, set[str]]:
    levels: dict[str, set[str]] = {}
    for path in known:
        parent, _, leaf = path.rpartition(".")
        levels.setdefault(parent, set()).add(leaf)
        while "." in parent:  # A field that has known fields inside is itself known.
            parent, _, leaf = parent.rpartition(".")
            levels.setdefault(parent, set()).add(leaf)
    return levels


def _lost_sql(required: Iterable[str]) -> str:
    # One parse for all paths: a missing one gives NULL, a JSON null gives 'null'.
    listed = ", ".join(quoted(path) for path in required)
    if not listed:
        return "[]::boolean[]"
    return f"list_transform(json_extract(body, [{listed}]), lambda found: found is null)"


def _unreadable_sql(casts: Iterable[Cast]) -> str:
    """How many values of a record are there and cannot be read as their type."""
    plain = [cast for cast in casts if "[*]" not in cast.path]
    # DuckDB sees that all of these are one expression and computes it once.
    given = f"json_extract_string(body, [{', '.join(quoted(cast.path) for cast in plain)}])"
    parts = [f"if({_bad(f'{given}[{at}]', cast.type)}, 1, 0)" for at, cast in enumerate(plain, start=1)]
    parts += [
        f"len(list_filter(json_extract_string(body, {quoted(cast.path)}), lambda given: "
        f"{_bad('given', cast.type)}))"
        for cast in casts
        if "[*]" in cast.path
    ]
    return " + ".join(parts) or "0"


def _bad(value: str, type_: str) -> str:
    return f"{value} is not null and trim({value}) <> '' and try_cast({value} as {type_}) is null"


def rejected(model: Model, records: str) -> str:
    """A SELECT of (key, run_id, field, raw, type) for each value that cannot be read as its type."""
    plain = [cast for cast in model.spec.casts if "[*]" not in cast.path]
    many = [cast for cast in model.spec.casts if "[*]" in cast.path]
    parts = []
    if plain:
        paths = ", ".join(quoted(cast.path) for cast in plain)
        checks = ", ".join(
            f"{{'field': {quoted(cast.column)}, 'raw': found[{at}], 'type': {quoted(cast.type)}, "
            f"'bad': {_bad(f'found[{at}]', cast.type)}}}"
            for at, cast in enumerate(plain, start=1)
        )
        parts.append(
            f"select key, run_id, unnest([{checks}]) as checked from "
            f"(select key, run_id, json_extract_string(body, [{paths}]) as found from {records})"
        )
    parts += [
        f"select key, run_id, {{'field': {quoted(cast.column)}, 'raw': found, 'type': {quoted(cast.type)}, "
        f"'bad': {_bad('found', cast.type)}}} as checked from (select key, run_id, "
        f"unnest(json_extract_string(body, {quoted(cast.path)})) as found from {records})"
        for cast in many
    ]
    union = " union all ".join(f"({part})" for part in parts)
    return (
        "select key, run_id, checked.field as field, checked.raw as raw, checked.type as type "
        f"from ({union}) where checked.bad"
    )
