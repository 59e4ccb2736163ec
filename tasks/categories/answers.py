"""The steps one after the other, over all lines at once: the first that is sure of a line decides it.

Works on a connection to the warehouse and leaves two temporary tables: `line`, every movement with its text
folded, and `answer`, one row for each of them in the shape of meta.category (but for decided_at).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from playbook.categories import Categories, Matched, folded
from playbook.loader import Playbook
from tasks.categories import learned
from tasks.categories.payees import VERSION, Confirmed, Memory, apart_sql, payee_sql, remembered
from tasks.categories.rules import hits_sql, rule_table
from warehouse.ledger import CategoryDecision

BEFORE_ALL: tuple[Matched, ...] = ("transfer", "payout", "card_settlement", "loan", "tax")
_COLUMNS = "movement_key, account, step, source, rule, confidence, explanation, version"


class Connection(Protocol):
    """What is needed of a DuckDB connection; only the warehouse may know more of it."""

    def execute(self, query: str, parameters: object = ..., /) -> Any:
        """Run one statement."""


def has_table(con: Connection, schema: str, table: str) -> bool:
    """Whether the warehouse has the table."""
    found = con.execute(
        "select count(*) from duckdb_tables() where database_name = current_database() "
        "and schema_name = ? and table_name = ?",
        [schema, table],
    ).fetchone()
    return bool(found and found[0])


def answer_all(
    con: Connection, playbook: Playbook, decisions: Sequence[CategoryDecision], home: Path
) -> str | None:
    """Fill `line` and `answer`; why the learned step said nothing, None where it could speak."""
    categories = playbook.categories
    _take_lines(con)
    _by_people(con, decisions)
    _by_matches(con, categories)
    _by_source(con, playbook)
    _by_documents(con, categories)
    _by_rules(con, categories)
    con.execute(
        "create or replace temp table undecided as select * from line "
        "where movement_key not in (select movement_key from answer)"
    )
    _by_payee(con, categories)
    silent = _by_model(con, playbook, home)
    con.execute(
        f"insert into answer ({_COLUMNS}) select movement_key, null, 7, 'review', null, null, "
        "'no rule, payee or model knows it', null from undecided "
        "where movement_key not in (select movement_key from answer)"
    )
    return silent


def _take_lines(con: Connection) -> None:
    con.execute(
        """
        create or replace temp table line as
        select
            movement_key,
            coalesce(amount, 0) as amount,
            moved_on,
            lower(strip_accents(coalesce(text, ''))) as text,
            lower(strip_accents(coalesce(format, ''))) as format,
            lower(strip_accents(coalesce(account, ''))) as bank_account,
            lower(strip_accents(coalesce(category, ''))) as category,
            lower(coalesce(currency, '')) as currency
        from staging.accounting_movement
        """
    )
    con.execute(
        "create or replace temp table answer (movement_key varchar, account varchar, step tinyint, "
        "source varchar, rule varchar, confidence double, explanation varchar, version varchar)"
    )


def _by_people(con: Connection, decisions: Sequence[CategoryDecision]) -> None:
    con.execute(
        "create or replace temp table decided as select unnest(?::varchar[]) as movement_key, "
        "unnest(?::varchar[]) as account, unnest(?::varchar[]) as decided_by, "
        "unnest(?::integer[]) as place",
        [
            [decision.movement_key for decision in decisions],
            [decision.account for decision in decisions],
            [decision.decided_by for decision in decisions],
            list(range(len(decisions))),
        ],
    )
    con.execute(
        f"insert into answer ({_COLUMNS}) select movement_key, d.account, 7, 'person', null, 1, "
        "'decided by ' || coalesce(d.decided_by, 'a person'), null "
        "from decided as d join line using (movement_key)"
    )


# Steps 0 and 2: what was found by comparing records


def _by_matches(con: Connection, categories: Categories) -> None:
    """Transfers, payouts, settlements, loans and taxes: neither income nor cost."""
    kinds = list(BEFORE_ALL)
    con.execute(
        f"""
        insert into answer ({_COLUMNS})
        select m.movement_key, k.account, 0, 'match', m.kind, 1, m.explanation, null
        from (
            select movement_key, min(kind) as kind, arg_min(explanation, kind) as explanation
            from meta.match where kind in (select unnest(?::varchar[])) group by movement_key
        ) as m
        join (select unnest(?::varchar[]) as kind, unnest(?::varchar[]) as account) as k using (kind)
        where m.movement_key in (select movement_key from line)
            and m.movement_key not in (select movement_key from answer)
        """,
        [kinds, kinds, [categories.matched[kind] for kind in BEFORE_ALL]],
    )


def _by_documents(con: Connection, categories: Categories) -> None:
    """Invoices and bills that a line pays: it settles what is owed, and is no income or cost again."""
    documents = (
        "select document_key, kind from staging.accounting_document"
        if has_table(con, "staging", "accounting_document")
        else "select null::varchar as document_key, null::varchar as kind where false"
    )
    con.execute(
        f"""
        insert into answer ({_COLUMNS})
        with paid as (
            select
                m.movement_key,
                -- A document that is gone by now leaves the direction of the money.
                coalesce(d.kind in ('invoice', 'credit_note'), l.amount > 0) as ours,
                m.explanation
            from meta.match as m
            join line as l using (movement_key)
            left join ({documents}) as d on d.document_key = m.other_key
            where m.kind = 'document' and m.movement_key not in (select movement_key from answer)
        ),
        lines as (
            select
                movement_key, count(distinct ours) = 1 as clear, bool_and(ours) as ours, count(*) as parts,
                string_agg(explanation, '; ' order by explanation) as said
            from paid group by movement_key
        )
        select
            movement_key,
            case when clear then if(ours, ?, ?) end,
            if(clear, 2, 7),
            if(clear, 'document', 'review'),
            null,
            if(clear, 1, null),
            if(clear, said, 'it is matched to invoices and to bills at once: ' || said),
            null
        from lines
        """,
        [categories.matched["receivable"], categories.matched["payable"]],
    )
    if has_table(con, "meta", "match_ambiguous"):
        con.execute(
            f"insert into answer ({_COLUMNS}) "
            "select movement_key, null, 7, 'review', null, null, min(explanation), null "
            "from meta.match_ambiguous where movement_key in (select movement_key from line) "
            "and movement_key not in (select movement_key from answer) group by movement_key"
        )


# Step 1: what the books say already


def _by_source(con: Connection, playbook: Playbook) -> None:
    categories = playbook.categories
    names = [account.name for account in playbook.accounts]
    books = [folded(book) for book in categories.books]
    own = [(book, folded(name), name) for book in books for name in names]
    codes = [(folded(code.format or ""), folded(code.code), code.account) for code in categories.codes]
    con.execute(
        "create or replace temp table code as select unnest(?::varchar[]) as format, "
        "unnest(?::varchar[]) as code, unnest(?::varchar[]) as account, unnest(?::boolean[]) as translated",
        [
            [format_ for format_, _, _ in (*own, *codes)],
            [code for _, code, _ in (*own, *codes)],
            [account for _, _, account in (*own, *codes)],
            [False] * len(own) + [True] * len(codes),
        ],
    )
    _by_entries(con, names)
    con.execute(
        f"""
        insert into answer ({_COLUMNS})
        select
            l.movement_key,
            -- What the playbook translates goes before a like name, a translation for this format first.
            arg_max(c.account, (c.translated, c.format)) as account,
            if(count(c.account) > 0, 1, 7),
            if(count(c.account) > 0, 'books', 'review'),
            null,
            if(count(c.account) > 0, 1, null),
            if(
                count(c.account) > 0,
                'the file says ' || any_value(m.category),
                'the books call it ' || any_value(m.category)
                || ', which is no account of ours; translate it under codes in categories.yaml'
            ),
            null
        from line as l
        join staging.accounting_movement as m using (movement_key)
        left join code as c on c.code = l.category and c.format in ('', l.format)
        where l.category <> '' and (c.account is not null or list_contains(?::varchar[], l.format))
            and l.movement_key not in (select movement_key from answer)
        group by l.movement_key
        """,
        [books],
    )


def _by_entries(con: Connection, names: Sequence[str]) -> None:
    """Lines that stand in the books as an entry: its other side, the largest where there are several."""
    if not has_table(con, "staging", "accounting_line"):
        return
    con.execute(
        f"""
        insert into answer ({_COLUMNS})
        with sides as (
            select l.movement_key, e.account, sum(abs(e.debit - e.credit)) as size
            from meta.match as m
            join line as l using (movement_key)
            join staging.accounting_line as e on e.entry_key = m.other_key
            where m.kind = 'entry' and sign(e.debit - e.credit) = -sign(l.amount)
                and l.movement_key not in (select movement_key from answer)
            group by all
        ),
        entries as (
            select
                movement_key,
                first(account order by size desc, account) as account,
                string_agg(
                    account || if(parts > 1, ' ' || size, ''), ', ' order by size desc, account
                ) as said,
                bool_and(list_contains(?::varchar[], account)) as known
            from (select *, count(*) over (partition by movement_key) as parts from sides)
            group by movement_key
        )
        select
            movement_key,
            case when known then account end,
            if(known, 1, 7),
            if(known, 'books', 'review'),
            null,
            if(known, 1, null),
            if(known, 'the books post it to ', 'not every account is in accounts.yaml: ') || said,
            null
        from entries
        """,
        [list(names)],
    )


# Step 3: the playbook's rules


def _by_rules(con: Connection, categories: Categories) -> None:
    if not categories.rules:
        return
    query, parameters = rule_table(categories.rules)
    con.execute(f"create or replace temp table rule as {query}", parameters)
    con.execute(
        "create or replace temp table open as select * from line "
        "where movement_key not in (select movement_key from answer)"
    )
    con.execute(
        f"""
        insert into answer ({_COLUMNS})
        with hits as ({hits_sql(categories.rules, "open")}),
        named as (select h.movement_key, r.* from hits as h join rule as r using (n)),
        firsts as (select movement_key, min(place) as place from named group by movement_key),
        verdicts as (
            select
                movement_key,
                count(distinct account) = 1 as clear,
                min(account) as account,
                min(id) as id,
                string_agg(id, ', ' order by id) as ids,
                arg_min(why, id) as why,
                arg_min(version, id) as version
            from named join firsts using (movement_key, place)
            group by movement_key
        )
        select
            movement_key,
            case when clear then account end,
            if(clear, 3, 7),
            if(clear, 'rule', 'review'),
            if(clear, id, ids),
            if(clear, 1, null),
            if(clear, why, 'these rules rank alike and name different accounts: ' || ids),
            if(clear, version, null)
        from verdicts
        """
    )
    con.execute("drop table open")


# Step 4: what was decided about the same payee before


def _by_payee(con: Connection, categories: Categories) -> None:
    """Fill `memory` too: what is known of each payee, enough to decide or not."""
    memories = _memories(con, categories)
    con.execute(
        "create or replace temp table memory (payee varchar, currency varchar, inflow boolean, "
        "account varchar, agree integer, looked integer, least decimal(18, 4), most decimal(18, 4), "
        "enough boolean)"
    )
    if not memories:
        return
    con.execute(
        "insert into memory select unnest(?::varchar[]), unnest(?::varchar[]), unnest(?::boolean[]), "
        "unnest(?::varchar[]), unnest(?::integer[]), unnest(?::integer[]), unnest(?::decimal(18, 4)[]), "
        "unnest(?::decimal(18, 4)[]), unnest(?::boolean[])",
        [
            [one.payee for one in memories],
            [one.currency for one in memories],
            [one.inflow for one in memories],
            [one.account for one in memories],
            [one.agree for one in memories],
            [one.of for one in memories],
            [str(round(one.least, 4)) for one in memories],
            [str(round(one.most, 4)) for one in memories],
            [one.is_enough for one in memories],
        ],
    )
    con.execute(
        f"""
        insert into answer ({_COLUMNS})
        select
            u.movement_key, m.account, 4, 'payee', null, m.agree / m.looked,
            m.agree || ' of the last ' || m.looked || ' lines of ' || m.payee || ' that a person decided',
            '{VERSION}'
        from (select *, {payee_sql("text")} as payee from undecided) as u
        join memory as m
            on m.payee = u.payee and m.currency = u.currency and m.inflow = (u.amount > 0)
        where m.enough and abs(u.amount) between m.least and m.most
        """
    )


def _memories(con: Connection, categories: Categories) -> list[Memory]:
    rows = con.execute(
        f"""
        select place, payee, currency, amount, account from (
            select d.place, {payee_sql("l.text")} as payee, l.currency, l.amount, d.account
            from decided as d join line as l using (movement_key)
        )
        where payee is not null and not ({apart_sql("payee", categories.payees_apart)})
        """
    ).fetchall()
    return remembered(Confirmed(*row) for row in rows)


# Step 5: the learned model


def _by_model(con: Connection, playbook: Playbook, home: Path) -> str | None:
    columns = "movement_key, text, amount, format, category, moved_on"
    known = [
        learned.Known(learned.Seen(*row[:6]), row[6])
        for row in con.execute(
            f"select {columns}, d.account from decided as d join line as l using (movement_key) "
            "where moved_on is not null"
        ).fetchall()
    ]
    found = learned.learn(known, home)
    if found.model is None:
        return found.reason
    left = con.execute(
        f"select {columns} from undecided where moved_on is not null and text <> '' "
        "and movement_key not in (select movement_key from answer)"
    ).fetchall()
    allowed = {account.name for account in playbook.accounts}
    guesses = list(found.model.guesses([learned.Seen(*row) for row in left], allowed))
    con.execute(
        f"insert into answer ({_COLUMNS}) "
        "select unnest(?::varchar[]), unnest(?::varchar[]), 5, 'model', null, unnest(?::double[]), ?, ?",
        [
            [guess.key for guess in guesses],
            [guess.account for guess in guesses],
            [guess.confidence for guess in guesses],
            found.reason,
            found.model.version,
        ],
    )
    return None
