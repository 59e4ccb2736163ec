"""The playbook's rules as SQL over all lines at once; playbook/categories.py judges one line the same way."""

from collections.abc import Sequence

from playbook.categories import Condition, Rule, folded
from warehouse.store import quoted


def rule_table(rules: Sequence[Rule]) -> tuple[str, list[object]]:
    """A query that gives (n, place, id, account, why, version) of each rule, and its parameters.

    `place` numbers the ranks from the first to the last; `n` is the rule's place in the list.
    """
    ranks = sorted({rule.rank for rule in rules}, reverse=True)
    columns: list[list[object]] = [
        list(range(len(rules))),
        [ranks.index(rule.rank) for rule in rules],
        [rule.id for rule in rules],
        [rule.account for rule in rules],
        [rule.why.en for rule in rules],
        [rule.version for rule in rules],
    ]
    query = (
        "select unnest(?::integer[]) as n, unnest(?::integer[]) as place, unnest(?::varchar[]) as id, "
        "unnest(?::varchar[]) as account, unnest(?::varchar[]) as why, unnest(?::varchar[]) as version"
    )
    return query, list(columns)


def hits_sql(rules: Sequence[Rule], lines: str) -> str:
    """A query that gives (movement_key, n) for each rule that a line of the table `lines` meets."""
    # One scan a rule: each is a few vectorised searches, and only what was found is kept.
    return "\nunion all\n".join(
        f"select movement_key, {n} as n from {lines} where {rule_sql(rule)}" for n, rule in enumerate(rules)
    )


def rule_sql(rule: Rule) -> str:
    """What must hold of a line, as SQL over the columns of `line` (tasks/categories/answers.py)."""
    # Expressions last: where a plain search has said no, they are not tried.
    ordered = sorted(rule.when, key=lambda condition: condition.matches is not None)
    return " and ".join(_condition(condition) for condition in ordered)


def _condition(condition: Condition) -> str:
    column = condition.field
    found: str
    if condition.between is not None:
        found = f"{column} between {condition.between[0]:f} and {condition.between[1]:f}"
    elif condition.above is not None:
        found = f"{column} > {condition.above:f}"
    elif condition.below is not None:
        found = f"{column} < {condition.below:f}"
    elif condition.equals is not None:
        found = f"{column} = {quoted(folded(condition.equals))}"
    elif condition.one_of is not None:
        found = f"{column} in ({', '.join(quoted(folded(item)) for item in condition.one_of)})"
    elif condition.contains is not None:
        found = " or ".join(f"contains({column}, {quoted(folded(item))})" for item in condition.contains)
    else:
        found = f"regexp_matches({column}, {quoted(condition.matches or '')}, 'i')"
    return f"not ({found})" if condition.unless else f"({found})"
