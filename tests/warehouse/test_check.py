import warnings
from typing import Any

import pytest
from small_house import House, contact, expectation, rows

from warehouse.check import check, judge
from warehouse.expectations import Result

ROWS = [
    ("1", 10, "a@x.es", "es"),
    ("2", -3, None, "en"),
    ("3", None, "not a mail", "fr"),
    ("4", 99, "a@x.es", None),
    ("5", 99, "b@x.es", "es"),
]
RULES = [
    expectation("expect_column_values_to_not_be_null", column="email"),
    expectation("expect_column_values_to_be_unique", column="email"),
    expectation("expect_column_values_to_be_unique", column="id"),
    expectation("expect_column_values_to_be_between", column="age", min_value=0, max_value=50),
    expectation("expect_column_values_to_be_between", column="age", max_value=99),
    expectation("expect_column_values_to_be_in_set", column="language", value_set=["es", "en"]),
    expectation("expect_column_values_to_match_regex", column="email", regex="^[^@]+@[^@]+$"),
    expectation("expect_compound_columns_to_be_unique", column_list=["age", "language"]),
    expectation("expect_compound_columns_to_be_unique", column_list=["age", "email"]),
]
VALUES = ", ".join(
    "(" + ", ".join("null" if value is None else repr(value) for value in row) + ")" for row in ROWS
)
TABLE = f"select * from (values {VALUES}) as t(id, age, email, language)"


def with_rules(house: House, *rules: dict[str, Any], sql: str = TABLE) -> dict[str, Result]:
    house.write("core", "person", sql, {"expectations": list(rules)})
    checked = check(house.build(), models=house.models)
    return {result.expectation: result for result in checked.results if result.model == "core.person"}


def test_our_sql_counts_what_great_expectations_counts_in_pandas(house: House) -> None:
    import great_expectations as gx
    import pandas as pd
    from great_expectations.data_context.types.base import ProgressBarsConfig

    ours = [result.violations for result in with_rules(house, *RULES).values()]
    frame = pd.DataFrame(ROWS, columns=["id", "age", "email", "language"])
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
    batch = asset.add_batch_definition_whole_dataframe("b").get_batch(batch_parameters={"dataframe": frame})
    theirs = []
    for rule in RULES:
        said = {
            key: value for key, value in rule.items() if key not in {"expectation", "severity", "why", "do"}
        }
        kind = "".join(part.title() for part in rule["expectation"].split("_"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome = batch.validate(getattr(gx.expectations, kind)(**said), result_format="SUMMARY")
        theirs.append(outcome.result["unexpected_count"])
    assert ours == theirs
    assert ours == [1, 2, 0, 3, 0, 1, 1, 0, 0]


def test_a_fail_that_does_not_hold_stops_the_build_and_a_warning_does_not(house: House) -> None:
    rule = {"column": "age", "min_value": 0}
    house.write(
        "core",
        "person",
        TABLE,
        {"expectations": [expectation("expect_column_values_to_be_between", "warn", **rule)]},
    )
    assert check(house.build(), models=house.models).passed
    house.write(
        "core",
        "person",
        TABLE,
        {"expectations": [expectation("expect_column_values_to_be_between", "fail", **rule)]},
    )
    assert not check(house.build(), models=house.models).passed


def test_a_check_that_cannot_run_is_an_error_and_never_a_pass(house: House) -> None:
    house.write(
        "core",
        "person",
        TABLE,
        {"expectations": [expectation("no_rows", sql="select nothing_such from this")]},
    )
    checked = check(house.build(), models=house.models)
    (result,) = (result for result in checked.results if result.model == "core.person")
    assert (result.status, checked.passed) == ("error", False)
    assert result.error is not None
    assert "nothing_such" in result.error


def test_an_unknown_expectation_is_named(house: House) -> None:
    from warehouse.errors import ModelError

    with pytest.raises(ModelError, match=r"core/person\.yaml: expect_miracles is no expectation we know"):
        with_rules(house, expectation("expect_miracles", column="id"))


def test_an_empty_table_proves_nothing_about_its_columns_but_its_size_can_be_judged(house: House) -> None:
    found = with_rules(
        house,
        expectation("expect_column_values_to_not_be_null", column="id"),
        expectation("expect_table_row_count_to_be_between", "warn", min_value=1),
        sql=f"{TABLE} limit 0",
    )
    assert [result.status for result in found.values()] == ["not_evaluated", "failed"]


def test_a_rule_may_concern_some_rows_only_and_a_rule_of_ones_own_selects_the_bad_rows(house: House) -> None:
    found = with_rules(
        house,
        expectation("expect_column_values_to_not_be_null", column="email", where="age > 0"),
        expectation(
            "no_rows", "warn", sql="with old as (select * from this where age > 90) select id from old;"
        ),
    )
    assert [(result.status, result.violations) for result in found.values()] == [("passed", 0), ("failed", 2)]


def test_every_bad_row_is_kept_whole_with_its_rule_and_build(house: House) -> None:
    house.write("core", "person", TABLE, {"expectations": [RULES[3] | {"severity": "warn"}]})
    made = house.build()
    check(made, models=house.models)
    found = rows(
        made,
        "select build_id, model, expectation, severity, bad_row ->> '$.id', bad_row ->> '$.age' "
        "from quality.quarantine order by 5",
    )
    rule = (made.id, "core.person", "expect_column_values_to_be_between(age, 0..50)", "warn")
    assert found == [(*rule, "2", "-3"), (*rule, "4", "99"), (*rule, "5", "99")]


def test_results_are_in_the_build_with_those_of_staging(house: House) -> None:
    house.load(contact("1"))
    house.write("core", "person", TABLE, {"expectations": [RULES[2]]})
    made = house.build()
    check(made, models=house.models)
    found = rows(
        made,
        "select model, expectation, severity, status, violations, rows from quality.check_result order by 1",
    )
    assert found == [
        ("core.person", "expect_column_values_to_be_unique(id)", "fail", "passed", 0, 5),
        ("staging.hubspot_contact", "expect_column_values_to_be_between(age, 0..)", "fail", "passed", 0, 1),
    ]


def test_a_failed_source_does_not_hold_up_the_rest(house: House) -> None:
    house.load(contact("1", -4))
    checked = check(house.build(), models=house.models)
    assert [(result.model, result.status) for result in checked.results] == [
        ("staging.hubspot_contact", "failed")
    ]
    assert checked.passed


def test_checking_again_says_the_same_and_leaves_the_file_as_it_is(house: House) -> None:
    house.write("core", "person", TABLE, {"expectations": RULES})
    made = house.build()
    first = check(made, models=house.models)
    written = made.path.stat().st_mtime_ns
    assert check(made, models=house.models) == first
    assert made.path.stat().st_mtime_ns == written


def result(number: int, status: Any, violations: int | None) -> Result:
    return Result(f"core.m{number}", "x", "fail", status, violations, 1, "", "")


def test_great_expectations_judges_counts_and_nothing_that_was_not_counted() -> None:
    asked = [
        result(1, "passed", 0),
        result(2, "failed", 3),
        result(3, "error", None),
        result(4, "not_evaluated", 0),
    ]
    # Whatever was noted before, the count decides.
    confused = [result(1, "failed", 0), result(2, "passed", 3), *asked[2:]]
    assert [found.status for found in judge(confused)] == ["passed", "failed", "error", "not_evaluated"]
