"""Models as files: what each is, what it reads, in which order they run. Runs nothing."""

import functools
import graphlib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from playbook.loader import CustomProperty
from warehouse.errors import ModelError

MODELS = Path(__file__).with_name("models")
LAYERS = ("staging", "core", "kpi")
# A change in how models are run must rebuild, as a change in a model does.
_ENGINE = (
    "engine.py",
    "build.py",
    "staging.py",
    "staging_audit.py",
    "playbook_tables.py",
    "statistics.py",
    "schema.sql",
)
_MAY_READ = {
    "staging": {"raw"},
    "core": {"raw", "staging", "core", "playbook", "build", "meta"},
    "kpi": {"staging", "core", "kpi", "playbook", "build", "meta"},
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Cast(_Part):
    """One typed column: the JSON path it comes from (with `[*]`, each element) and its DuckDB type."""

    column: str
    path: str
    type: str


class Custom(_Part):
    """Where a staging model keeps the fields that an account defines itself: a JSON column, and its path."""

    column: str
    path: str


class Expectation(_Part):
    """What must hold, under Great Expectations' name, or `sql` that selects bad rows from `this`."""

    expectation: str
    severity: Literal["fail", "warn"]
    why: str
    do: str
    column: str | None = None
    column_list: tuple[str, ...] = ()
    value_set: tuple[str | int | float | bool, ...] = ()
    min_value: float | str | None = None
    max_value: float | str | None = None
    regex: str | None = None
    where: str | None = None
    sql: str | None = None


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Spec(_Part):
    """A model's YAML."""

    what: str
    grain: Annotated[tuple[str, ...], BeforeValidator(_as_list)]
    owner: str
    yields: str | None = None  # Its rows also go, with those of others, into the table of this name.
    source: str | None = None
    resource: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    required: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    casts: tuple[Cast, ...] = ()
    custom: Custom | None = None
    # SQL over the model's columns that gives the raw key a row was made from, where each row is made from one
    # raw record alone: then only the rows of changed records are made again.
    by: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    expectations: tuple[Expectation, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """One table: the SELECT that makes it, its YAML, and the tables it reads as (schema, name)."""

    layer: str
    name: str
    path: Path
    sql: str
    spec: Spec
    reads: frozenset[tuple[str, str]]

    @property
    def table(self) -> str:
        """`<layer>.<name>`, as other models call it."""
        return f"{self.layer}.{self.name}"

    @property
    def raw_tables(self) -> tuple[tuple[str, str], ...]:
        """(source, resource) of the raw tables that this model reads."""
        found = []
        for schema, name in sorted(self.reads):
            if schema == "raw":
                source, _, resource = name.removesuffix("_current").partition("_")
                found.append((source, resource))
        return tuple(found)

    @property
    def digest(self) -> str:
        """Changes when the SQL or the YAML does."""
        return hashlib.sha256((self.sql + self.spec.model_dump_json()).encode()).hexdigest()


def discover(folder: Path = MODELS, properties: Sequence[CustomProperty] = ()) -> list[Model]:
    """Every model under `folder`, each after those it reads; staging with a column for each of `properties`.

    Raises ModelError, naming the file, for SQL that is not one SELECT, a YAML that is missing or wrong, a
    table that no model makes, models that read each other in a circle, or a property without a place.
    """
    written = _with_properties([_load(path) for path in _files(folder)], properties)
    models = {model.table: model for model in (*written, *_unions(written))}
    order: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
    for table, model in models.items():
        needed = {f"{schema}.{name}" for schema, name in model.reads if schema in LAYERS}
        if unknown := sorted(needed - models.keys()):
            raise ModelError(
                f"{model.layer}/{model.path.name} reads {unknown[0]}, which no model makes; correct the name."
            )
        order.add(table, *sorted(needed))
    try:
        return [models[table] for table in order.static_order()]
    except graphlib.CycleError as error:
        raise ModelError(f"Models read each other in a circle: {' -> '.join(error.args[1])}.") from None


def models_digest(folder: Path = MODELS) -> str:
    """Changes when any model, or the code that runs them, does."""
    total = hashlib.sha256()
    for path in sorted([*folder.rglob("*.sql"), *folder.rglob("*.yaml")]):
        total.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        total.update(path.read_bytes())
    total.update(engine_digest().encode())
    return total.hexdigest()


@functools.cache
def engine_digest() -> str:
    """Changes when the code that runs models does."""
    here = Path(__file__).parent
    return hashlib.sha256(b"".join((here / name).read_bytes() for name in _ENGINE)).hexdigest()


def _unions(models: list[Model]) -> Iterator[Model]:
    """The tables that several models fill together, so that a further one needs no list to be edited."""
    parts: dict[tuple[str, str], list[Model]] = {}
    for model in models:
        if model.spec.yields is not None:
            parts.setdefault((model.layer, model.spec.yields), []).append(model)
    for (layer, name), found in parts.items():
        spec = Spec(
            what=f"The rows of all models that yield {name}.",
            grain=found[0].spec.grain,
            owner=found[0].spec.owner,
        )
        yield Model(
            layer=layer,
            name=name,
            path=found[0].path.with_name(f"{name}.sql"),
            sql=" union all by name ".join(f"(select * from {model.table})" for model in found),
            spec=spec,
            reads=frozenset((model.layer, model.name) for model in found),
        )


def _with_properties(models: Sequence[Model], properties: Sequence[CustomProperty]) -> list[Model]:
    """The models, those of the properties' resources with their typed columns at the end."""
    taken: list[CustomProperty] = []
    made = []
    for model in models:
        spec = model.spec
        own = [
            found
            for found in properties
            if spec.custom and found.source == spec.source and found.resource in spec.resource
        ]
        taken += own
        made.append(_with_columns(model, spec.custom, own) if spec.custom and own else model)
    for found in properties:
        if found not in taken:
            raise ModelError(
                f"playbook/properties.yaml: {found.property}: no staging model keeps the own fields of "
                f"{found.source}.{found.resource}; correct the source or the resource."
            )
    return made


def _with_columns(model: Model, custom: Custom, properties: Sequence[CustomProperty]) -> Model:
    selects, casts, columns, known = [], [], dict(model.spec.columns), list(model.spec.known)
    for found in properties:
        if found.column in columns:
            raise ModelError(
                f"playbook/properties.yaml: {found.property}: {model.table} has a column {found.column} "
                "already; choose another name."
            )
        kind = {"text": "varchar", "decimal": "decimal(18, 4)"}.get(found.type, found.type)
        value = f"nullif(trim(json_extract_string(staged.{custom.column}, '$.\"{found.property}\"')), '')"
        selects.append(f"try_cast({value} as {kind}) as {found.column}")
        casts.append(Cast(column=found.column, path=f'{custom.path}."{found.property}"', type=kind))
        columns[found.column] = f"{found.property}, as the playbook asks for it."
        if any(path.startswith(f"{custom.path}.") for path in known):
            known.append(f"{custom.path}.{found.property}")
    return replace(
        model,
        sql=f"select staged.*, {', '.join(selects)} from (\n{model.sql}\n) as staged",
        spec=model.spec.model_copy(
            update={"casts": (*model.spec.casts, *casts), "columns": columns, "known": tuple(known)}
        ),
    )


def _files(folder: Path) -> Iterator[Path]:
    for layer in LAYERS:
        yield from sorted((folder / layer).glob("*.sql"))


def _load(path: Path) -> Model:
    sql = path.read_text(encoding="utf-8").strip().removesuffix(";")
    layer = path.parent.name
    reads = _reads(sql, f"{layer}/{path.name}")
    for schema, name in sorted(reads):
        if schema not in _MAY_READ[layer]:
            raise ModelError(
                f"{layer}/{path.name} reads {schema}.{name}; {layer} may read {_said(_MAY_READ[layer])}."
            )
        if schema == "raw" and not name.endswith("_current"):
            raise ModelError(f"{layer}/{path.name} reads raw.{name}; read raw.{name}_current.")
    return Model(
        layer=layer, name=path.stem, path=path, sql=sql, spec=_spec(path.with_suffix(".yaml")), reads=reads
    )


def _spec(path: Path) -> Spec:
    place = f"{path.parent.name}/{path.name}"
    try:
        # Both are the safe loader; the one in C is eight times as fast.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        loaded: Any = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506
    except FileNotFoundError:
        raise ModelError(
            f"{place} is missing; write what, grain, owner, columns and expectations of the model."
        ) from None
    except yaml.YAMLError as error:
        raise ModelError(f"{place} is no YAML: {error}") from None
    try:
        return Spec.model_validate(loaded)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise ModelError(
            f"{place}: {where or 'the file'}: {fault['msg'][0].lower()}{fault['msg'][1:]}"
        ) from None


@functools.cache
def _reads(sql: str, place: str) -> frozenset[tuple[str, str]]:
    import sqlglot
    from sqlglot import exp

    try:
        statements = sqlglot.parse(sql, read="duckdb")
    except sqlglot.ParseError as error:
        raise ModelError(f"{place} cannot be read: {error}") from None
    statement = statements[0] if len(statements) == 1 else None
    if not isinstance(statement, exp.Query):
        raise ModelError(f"{place} must be one SELECT.")
    return frozenset((table.db, table.name) for table in statement.find_all(exp.Table) if table.db)


def _said(schemas: Iterable[str]) -> str:
    return ", ".join(f"{schema}.*" for schema in sorted(schemas))
