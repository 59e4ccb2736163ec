import re
from dataclasses import replace
from datetime import timedelta

import pytest
from made_build import AS_OF, Made
from page_reader import Element, read

from playbook.loader import Playbook
from reports.errors import ReportError
from reports.figures import KpiTable
from reports.trust import Source
from reports.weekly import Facts, Html, compose, gather, last_week, render
from warehouse.ledger import Home, Ledger

LANGUAGES = ["es", "en"]
NBSP = "\N{NO-BREAK SPACE}"
LOADS = {"src", "srcset", "href", "xlink:href", "data", "poster", "action", "background"}


def figures(page: Element) -> dict[tuple[str, str], Element]:
    return {(e.attributes["data-kpi"], e.attributes["data-segment"]): e for e in page.all("data-kpi")}


def plain(build: Made, ledger: Ledger, playbook: Playbook, week: str, language: str) -> Html:
    """The report without its charts, which take nearly all of the time."""
    found = gather(build, ledger, playbook, week)
    return render(compose(replace(found, table=KpiTable({})), playbook, language))


def shown(page: Element, kpi: str, segment: str = "all") -> str:
    return figures(page)[kpi, segment].all("data-value")[0].text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_loads_nothing_from_anywhere(pages: dict[str, Html], language: str) -> None:
    html = pages[language].text
    page = read(html)
    for element in page.walk():
        assert element.tag not in {"script", "link", "iframe", "object", "embed", "img", "base"}
        for name, value in element.attributes.items():
            assert not name.startswith("on")
            if name in LOADS:
                assert value.startswith("#"), f"<{element.tag} {name}={value}>"
    assert "://" not in html
    assert not re.search(r"@import|url\(|@font-face", html)
    assert "default-src 'none'" in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_well_formed_and_every_anchor_leads_somewhere(
    pages: dict[str, Html], language: str
) -> None:
    page = read(pages[language].text)
    ids = [element.attributes["id"] for element in page.all("id")]
    assert len(ids) == len(set(ids))
    links = {element.attributes["href"].removeprefix("#") for element in page.all("href")}
    named = {
        name
        for element in page.all("aria-labelledby")
        for name in element.attributes["aria-labelledby"].split()
    }
    assert (links | named) - set(ids) == set()
    assert page.all("lang")[0].attributes["lang"] == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_placeholder_and_no_empty_value_is_left_in_the_page(pages: dict[str, Html], language: str) -> None:
    body = read(pages[language].text.partition("</head>")[2].partition("</html>")[0])
    text = body.text
    assert not re.search(r"[{}]|\bNone\b|\bnan\b|\bnull\b|\bundefined\b|Decimal|datetime", text)
    assert not re.search(r"\b\w+\.\w+\.(one|other)\b", text)
    assert [e for e in body.walk() if e.tag in {"h2", "h3", "dt", "dd"} and not e.text] == []


def test_figures_are_those_of_the_build_in_the_readers_format(pages: dict[str, Html], build: Made) -> None:
    es, en = read(pages["es"].text), read(pages["en"].text)
    # By hand from made_build: 2,100 + 151,000 in the last week; 284 of 293 clocks; 610 - 390; 0.31 + 0.27 …
    assert build.rows["MRR", "all", "2026-W46"]["value"] == 153_100
    assert (shown(en, "MRR"), shown(es, "MRR")) == ("€153,100", f"153.100{NBSP}€".replace(NBSP, " "))
    assert (shown(en, "ACTIVE_CLIENTS"), shown(es, "ACTIVE_CLIENTS")) == ("548 clients", "548 clientes")
    assert (shown(en, "K19"), shown(es, "K19")) == ("96.9%", "96,9 %")
    assert "284 of 293" in figures(en)["K19", "all"].text
    assert (shown(en, "K5"), shown(es, "K5")) == ("€220", "220 €")
    assert shown(en, "K14") == "5.0%"
    assert "21 of 420" in figures(en)["K14", "all"].text
    assert (shown(en, "K24", "L2"), shown(es, "K24", "L2")) == ("2.5 h", "2,5 h")
    assert shown(en, "K7") == "11.1 to 1"


def test_every_figure_shown_equals_its_row(facts: Facts, build: Made, playbook: Playbook) -> None:
    checked = 0
    for figure in facts.all_figures:
        if figure.row is None:
            continue
        made = build.rows[figure.kpi, figure.segment, figure.row.period]
        expected = made["money_value"] if made["unit"] == "money" else made["value"]
        assert figure.row.value == expected
        assert figure.row.status == made["status"]
        checked += 1
    assert checked >= 25


def test_a_change_is_the_difference_of_the_two_numbers_printed(pages: dict[str, Html]) -> None:
    for view in [*pages["en"].edition.heroes, *(v for _, g in pages["en"].edition.groups for v in g)]:
        now, before = (re.search(r"−?[\d,.]+", text) for text in (view.value, view.trend_from))
        size = re.search(r"[\d,.]+", view.trend)
        if not (now and before and size) or view.value.startswith("€"):
            continue
        difference = abs(
            float(now[0].replace(",", "").replace("−", "-"))
            - float(before[0].replace(",", "").replace("−", "-"))
        )
        assert difference == pytest.approx(float(size[0]), abs=1e-6), view.name


def test_what_was_not_evaluated_never_looks_fine(facts: Facts, pages: dict[str, Html]) -> None:
    empty = {(f.kpi, f.segment) for f in facts.all_figures if f.row is None or f.row.value is None}
    assert ("K4", "all") in empty
    for language, word in (("es", "sin evaluar"), ("en", "not evaluated")):
        cards = figures(read(pages[language].text))
        for key in empty:
            assert cards[key].attributes["data-status"] == "not_evaluated"
            assert word in cards[key].text
            assert cards[key].all("data-value") == []
        assert "no hay monitores" in cards["K4", "all"].text or language == "en"


def test_a_value_without_a_target_is_not_called_on_target(pages: dict[str, Html]) -> None:
    cards = figures(read(pages["en"].text))
    assert cards["NEW_CLIENTS", "all"].attributes["data-status"] == "no_target"
    assert "on target" not in cards["MRR", "all"].text


def test_a_source_that_is_not_configured_takes_its_figures_along_and_says_so(
    build: Made, ledger: Ledger, playbook: Playbook
) -> None:
    build.con.execute(
        "update kpi.value set money_value = null, value = null, status = 'not_evaluated', "
        "reason = 'accounting is not configured' where kpi in ('K5', 'K8', 'K9', 'K10')"
    )
    page = read(plain(build, ledger, playbook, "2026-W46", "es").text)
    for kpi in ("K5", "K8", "K9", "K10"):
        assert "Contabilidad sin configurar" in figures(page)[kpi, "all"].text
    assert "no se ha podido evaluar: Contabilidad sin configurar" in page.text


def test_a_late_source_marks_exactly_the_figures_that_depend_on_it(
    build: Made, ledger: Ledger, playbook: Playbook
) -> None:
    late = AS_OF - timedelta(days=2)
    build.con.execute("update kpi.value set stale_since = ? where kpi in ('K8', 'K9', 'K19')", [late])
    build.con.execute(
        "update meta.source_status set state = 'failed', good_until = ?, reason = 'HTTP 503' "
        "where source = 'accounting'",
        [late],
    )
    page = read(plain(build, ledger, playbook, "2026-W46", "en").text)
    marked = {e.attributes["data-stale"] for e in page.all("data-stale")}
    assert marked == {"K8", "K9", "K19"}
    assert "data until 14 Nov" in figures(page)["K8", "all"].text
    assert "Some data is late or incomplete: Accounting" in page.text
    row = next(e for e in page.all("data-source") if e.attributes["data-source"] == "Accounting")
    assert "failed" in row.text
    assert "Profit margin" in row.text


def lost_right(build: Made, resource: str) -> None:
    build.con.execute("update meta.source_status set state = 'partial' where source = 'hubspot'")
    build.con.execute(
        "insert into meta.resource_status values "
        "('hubspot', 'deals', 'complete', null, 9, 9, null, null), "
        "('hubspot', ?, 'not_permitted', 'Give the token the scope x.', null, null, null, null)",
        [resource],
    )


@pytest.mark.parametrize(
    ("language", "source", "lost", "figure"),
    [
        (
            "es",
            "HubSpot",
            "Sin permiso para leer: tickets. Give the token the scope x.",
            "Entregas con errores",
        ),
        ("en", "HubSpot", "No permission to read: tickets. Give the token the scope x.", "Error rate"),
    ],
)
def test_a_missing_right_is_named_with_exactly_the_figures_that_need_it(
    build: Made, ledger: Ledger, playbook: Playbook, language: str, source: str, lost: str, figure: str
) -> None:
    lost_right(build, "tickets")
    page = read(plain(build, ledger, playbook, "2026-W46", language).text)
    row = next(e for e in page.all("data-source") if e.attributes["data-source"] == source)
    assert lost in row.text
    assert figure in row.text
    kept = next(kpi for kpi in playbook.kpis if kpi.id == "K14").name.in_language(language)
    assert kept not in row.text
    assert ": HubSpot. " in page.text, "the banner names the source"


def test_a_missing_right_that_no_figure_needs_is_told_without_alarm(
    build: Made, ledger: Ledger, playbook: Playbook
) -> None:
    lost_right(build, "feedback_submissions")
    html = plain(build, ledger, playbook, "2026-W46", "es")
    assert html.edition.stale == ""
    assert "Sin permiso para leer: respuestas de encuestas." in read(html.text).text


def test_records_that_did_not_come_are_counted(build: Made, ledger: Ledger, playbook: Playbook) -> None:
    build.con.execute("update meta.source_status set state = 'partial' where source = 'hubspot'")
    build.con.execute(
        "insert into meta.resource_status values ('hubspot', 'deals', 'partial', null, 1300, 1234, null, null)"
    )
    page = read(plain(build, ledger, playbook, "2026-W46", "en").text)
    assert "Incomplete: deals (1,234 of 1,300)." in page.text


def test_a_build_of_before_resources_had_a_status_is_still_read(
    build: Made, ledger: Ledger, playbook: Playbook
) -> None:
    build.con.execute("drop table meta.resource_status")
    assert plain(build, ledger, playbook, "2026-W46", "en").edition.trust.sources


def test_a_figure_whose_data_ends_early_says_so_and_never_leads_the_week(
    build: Made, ledger: Ledger, playbook: Playbook
) -> None:
    until = AS_OF - timedelta(days=3)
    before = plain(build, ledger, playbook, "2026-W46", "es").edition
    assert "Bajas (" in before.verdict
    build.con.execute(
        "update kpi.value set value = null, numerator = null, denominator = null, n = null, low = null, "
        "high = null, status = 'not_evaluated', stale_since = ?, "
        "reason = 'hubspot.tickets is not permitted; data ends before the period does' where kpi = 'K14' and grain = 'month'",
        [until],
    )
    html = plain(build, ledger, playbook, "2026-W46", "es")
    card = figures(read(html.text))["K14", "all"]
    assert card.attributes["data-status"] == "not_evaluated"
    assert "sin permiso para leer HubSpot (tickets)" in card.text
    assert "los datos acaban antes que el periodo" in card.text
    assert "datos hasta el 13 nov" in card.text
    assert "Bajas (" not in html.edition.verdict


def test_not_to_know_who_left_is_not_that_nobody_did(build: Made, ledger: Ledger, playbook: Playbook) -> None:
    build.con.execute(
        "update kpi.value set value = null, numerator = null, status = 'not_evaluated' where kpi = 'K14'"
    )
    html = plain(build, ledger, playbook, "2026-W46", "en")
    assert html.edition.headline == "The figures of this week could not be evaluated."


def test_nothing_is_marked_late_while_every_source_is_whole(pages: dict[str, Html]) -> None:
    page = read(pages["en"].text)
    assert page.all("data-stale") == []
    assert "is late" not in page.text


def test_a_name_with_html_in_it_is_shown_and_not_obeyed(
    build: Made, ledger: Ledger, playbook: Playbook
) -> None:
    name = "<script>alert('x')</script> & \"Söhne\" {{ e }}"
    build.con.execute("update core.client set name = ?", [name])
    build.con.execute("update kpi.client_attention set name = ?", [name])
    html = plain(build, ledger, playbook, "2026-W46", "en").text
    assert "<script" not in html
    page = read(html)
    assert name in page.text


def test_the_headline_tells_the_week_in_both_languages(pages: dict[str, Html]) -> None:
    assert pages["en"].edition.headline == (
        "24 clients joined and 3 left. Recurring revenue rose 3.2% to €153,100 a month."
    )
    assert pages["es"].edition.headline.replace(NBSP, " ") == (
        "24 altas y 3 bajas. Los ingresos recurrentes suben un 3,2 %, hasta 153.100 € al mes."
    )
    assert "Churn (5.0%)" in pages["en"].edition.verdict


def test_the_clients_to_look_after_come_gravest_first_with_reason_and_remedy(pages: dict[str, Html]) -> None:
    cards = pages["en"].edition.clients
    assert len(cards) == 10
    assert [c.severity for c in cards] == sorted((c.severity for c in cards), key=["high", "medium"].index)
    assert [c.name for c in cards[:3]] == ["Inmobiliaria Sol", "Hotel Miramar", "Consultoría Vértice"]
    assert cards[1].reasons == (
        ("Rated us 1 of 5.", "for 3 days, since 13 Nov"),
        ("4 SLA deadlines missed this week, in 2 conversations.", "for 5 days, since 11 Nov"),
    )
    page = read(pages["en"].text)
    assert "The 10 most urgent of 18 are shown" in page.text


def test_what_was_done_counts_every_state_and_only_this_weeks_decisions(pages: dict[str, Html]) -> None:
    edition = pages["en"].edition
    rows = {row.step: row.counts for row in edition.activity}
    # sent, waiting, held back, failed, unknown
    assert rows["Welcome mail"] == ("24", "", "", "", "")
    assert rows["Tutorial by industry"] == ("21", "", "", "", "1")
    assert rows["Day-7 mail"] == ("18", "", "2", "", "")
    assert rows["Call task in HubSpot"] == ("", "3", "9", "", "")
    assert rows["Day-30 survey"] == ("16", "", "", "1", "")
    assert edition.held == ("call not needed: 9", "opted out of mail: 2")
    assert any("dry run" in note for note in edition.activity_notes)
    assert any("outbox resolve" in note for note in edition.activity_notes)


def test_alerts_speak_the_readers_language_and_name_the_remedy(pages: dict[str, Html]) -> None:
    es = pages["es"].edition.alerts
    assert [a.severity for a in es] == ["critical", "warning", "info"]
    assert es[1].title == "Datos atrasados: Contabilidad"
    assert "tenfold sync accounting" in es[1].what_to_do
    assert "<code>tenfold sync accounting</code>" in pages["es"].text


def test_an_alert_shows_the_figure_that_rang_in_the_readers_language(pages: dict[str, Html]) -> None:
    assert pages["en"].edition.alerts[0].detail == "SLA compliance was 96.9% in week 46; limit 95%."
    assert pages["es"].edition.alerts[0].detail.replace(NBSP, " ") == (
        "Cumplimiento de plazos (SLA): 96,9 % en la semana 46; límite 95 %."
    )


def test_checks_that_did_not_pass_are_named_and_those_not_run_are_not_called_passed(
    pages: dict[str, Html],
) -> None:
    trust = pages["en"].edition.trust
    assert trust.summary == "10 of 12 checks passed."
    assert {row.table: row.tone for row in trust.rows} == {
        "core.conversation": "watch", "kpi.value": "not_evaluated", "Clients and their records": "ok",
    }  # fmt: skip
    assert "7 rows" in trust.bad[0].text
    assert "3 values could not be read" in trust.rejected
    assert trust.fine == ""


@pytest.mark.parametrize(
    ("name", "state", "fine"),
    [
        ("activecampaign", "not_configured", True),
        ("activecampaign", "failed", True),
        ("mailchimp", "not_configured", False),
        ("mailchimp", "failed", False),
    ],
)
def test_a_source_that_no_figure_needs_is_shown_as_it_stands_and_spoils_nothing(
    name: str, state: str, fine: bool, facts: Facts, playbook: Playbook
) -> None:
    kpi = playbook.kpis[0].model_copy(update={"needs": ("mailchimp",)})
    needed = playbook.model_copy(update={"kpis": (kpi, *playbook.kpis[1:])})
    others = [source for source in facts.trust.sources if source.source != name]
    sources = [*others, Source(name, state, "no credentials are set", None)]
    checks = [check for check in facts.trust.checks if check.outcome == "passed"]
    trust = replace(facts.trust, sources=sources, checks=checks, rejected=())
    html = render(compose(replace(facts, table=KpiTable({}), trust=trust), needed, "en"))
    assert bool(html.edition.trust.fine) is fine
    shown_as = html.edition.trust.sources[-1]
    assert (shown_as.name, shown_as.tone) == (
        {"activecampaign": "ActiveCampaign", "mailchimp": "Mailchimp"}[name],
        {"not_configured": "not_evaluated", "failed": "off"}[state],
    )
    assert shown_as.figures == ("" if fine else kpi.name.en)
    assert bool(html.edition.stale) is (state == "failed" and not fine)


def test_empty_tables_are_one_line_and_neither_passed_nor_a_fault(
    build: Made, ledger: Ledger, playbook: Playbook
) -> None:
    build.con.execute("delete from quality.rejected")
    build.con.execute("delete from quality.check_result where status <> 'passed'")
    build.con.execute(
        "insert into quality.check_result "
        "select 'staging.empty_' || n, 'unique', 'fail', 'not_evaluated', 0, 0, '', '', null from range(20) as r (n)"
    )
    trust = plain(build, ledger, playbook, "2026-W46", "en").edition.trust
    assert trust.summary == (
        "All 10 checks passed. In tables still empty there was nothing to judge (20 checks)."
    )
    last = trust.rows[-1]
    assert (last.table, last.tone, last.counts["not_evaluated"]) == (
        "Tables still empty",
        "not_evaluated",
        20,
    )
    assert not [row for row in trust.rows if "empty_" in row.table]
    assert trust.fine


def test_the_banner_is_there_for_a_sandbox_and_only_for_one(facts: Facts, playbook: Playbook) -> None:
    without = replace(facts, table=KpiTable({}))
    made_up = render(compose(without, playbook, "en"))
    real = render(compose(replace(without, sandbox=False), playbook, "en"))
    assert [e for e in read(made_up.text).all("id") if e.attributes["id"] == "sandbox"] != []
    assert [e for e in read(real.text).all("id") if e.attributes["id"] == "sandbox"] == []


def test_the_kind_of_home_comes_from_the_ledger(build: Made, ledger: Ledger, playbook: Playbook) -> None:
    with ledger.write() as session:
        home = session.get_one(Home, 1)
        home.kind = "real"
    assert gather(build, ledger, playbook, "2026-W46").sandbox is False


def test_the_same_inputs_give_the_same_page_to_the_byte(
    made_once: Made, pages: dict[str, Html], playbook: Playbook, ledger: Ledger
) -> None:
    again = render(compose(gather(made_once, ledger, playbook, "2026-W46"), playbook, "es"))
    assert again.text == pages["es"].text


def test_a_week_that_is_not_over_is_refused_with_what_to_do(
    build: Made, ledger: Ledger, playbook: Playbook
) -> None:
    with pytest.raises(ReportError, match=r"2026-W47 is not over .*choose an earlier week"):
        gather(build, ledger, playbook, "2026-W47")
    with pytest.raises(ReportError, match="holds no figures for week 2024-W10"):
        gather(build, ledger, playbook, "2024-W10")
    with pytest.raises(ReportError, match="not an ISO week"):
        gather(build, ledger, playbook, "46")


def test_the_last_week_is_the_one_that_is_over_in_the_business_zone() -> None:
    assert last_week(AS_OF, "Europe/Madrid") == "2026-W46"
    # Sunday 23:30 in Madrid: week 46 still runs.
    assert last_week(AS_OF.replace(day=15, hour=22, minute=30), "Europe/Madrid") == "2026-W45"
    assert last_week(AS_OF.replace(day=15, hour=23, minute=0), "Europe/Madrid") == "2026-W46"


def test_a_first_week_without_any_past_still_makes_a_report(
    build: Made, ledger: Ledger, playbook: Playbook
) -> None:
    for table in ("kpi.mrr_movement", "kpi.sla_clock", "kpi.client_attention", "quality.check_result",
                  "meta.source_status", "quality.rejected", "core.journal_line"):  # fmt: skip
        build.con.execute(f"delete from {table}")
    build.con.execute("update core.client set ended_at = null, is_active = true")
    build.con.execute("delete from kpi.value where not (grain = 'week' and period = '2026-W46')")
    page = read(plain(build, ledger, playbook, "2026-W46", "en").text)
    assert "first period measured" in page.text
    assert "No client left this week." in page.text
    assert "No client shows a sign of trouble" in page.text
    assert "holds no check results" in page.text


def test_a_week_in_which_nothing_could_be_evaluated_says_so(
    build: Made, ledger: Ledger, playbook: Playbook
) -> None:
    build.con.execute(
        "update kpi.value set value = null, money_value = null, numerator = null, denominator = null, n = null, "
        "low = null, high = null, status = 'not_evaluated', reason = 'hubspot was never loaded'"
    )
    html = plain(build, ledger, playbook, "2026-W46", "es")
    assert html.edition.headline == "Las cifras de esta semana no se han podido evaluar."
    assert "en objetivo" not in " ".join(text for _, text in html.edition.tally)
    assert html.edition.verdict != html.edition.fmt.wording.text("verdict.good")
