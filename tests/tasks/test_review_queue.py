"""A person decides once; the payee's next lines, an offered rule and a preview follow from it."""

import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from playbook.loader import SHIPPED as SHIPPED_FOLDER
from playbook.loader import load_playbook, with_categories
from tasks.categories.payees import Confirmed, remembered
from tasks.categories.preview import preview
from tasks.categories.queue import CannotDecide, decide, offer, waiting
from tasks.categories.suggest import Suggester, suggestions
from tests.tasks.money_cases import LATER, NOW, SHIPPED, Bank, with_rules
from warehouse.ledger import open_ledger

ADS, SOFTWARE, RENT, TAX = (
    "627 Advertising",
    "628 Software subscriptions",
    "621 Office rent",
    "475 Tax payable",
)


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    """A bank without rules, so that only people and memory decide."""
    with open_ledger(tmp_path) as ledger:
        yield Bank(tmp_path, ledger, with_rules(payees_apart=["Amazon"]))


def confirmed(bank: Bank, text: str, account: str, *amounts: str) -> None:
    for number, amount in enumerate(amounts):
        key = f"{text} {account} {number}"
        bank.line(key, text, amount)
        bank.decide(key, account)


# Payee memory


def test_three_of_five_confirmed_lines_decide_the_next_within_the_usual_size(bank: Bank) -> None:
    confirmed(bank, "ACME SERVICIOS SL", ADS, "-100", "-100", "-120")
    for name, amount in [
        ("usual", "-90"),
        ("least", "-20"),
        ("tiny", "-19.99"),
        ("most", "-500"),
        ("big", "-500.01"),
    ]:
        bank.line(name, "ACME SERVICIOS SL", amount)
    bank.line("given back", "ACME SERVICIOS SL", "90")
    bank.line("in dollars", "ACME SERVICIOS SL", "-90", currency="USD")
    bank.run()
    found = {key: answer.account for key, answer in bank.answers().items()}
    assert [found[key] for key in ("usual", "least", "most")] == [ADS] * 3
    assert [found[key] for key in ("tiny", "big", "given back", "in dollars")] == [None] * 4
    assert bank.answer("usual").step == 4
    assert "3 of the last 3" in bank.answer("usual").explanation


def test_two_confirmed_lines_only_suggest(bank: Bank) -> None:
    confirmed(bank, "ACME SERVICIOS SL", ADS, "-100", "-100")
    bank.line("next", "ACME SERVICIOS SL", "-100")
    bank.run()
    (line,) = waiting(bank.store, bank.ledger, bank.playbook).lines
    assert (line.key, line.suggestion, line.because) == ("next", ADS, "2 of the last 2 of this payee")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GOOGLE *GSUITE_example", "GOOGLE *ADS8743620198"),
        ("AEAT MOD.303 3T 2026", "AEAT MOD.111 3T 2026"),
        ("AEAT ES12ZZZQ2826000H MOD 303", "AEAT ES12ZZZQ2826000H MOD 111"),
        ("PAYPAL *NETFLIX", "PAYPAL *SPOTIFY"),
        ("TRANSFERENCIA JUAN PEREZ", "TRANSFERENCIA JUANA PEREZ"),
        ("RECIBO B12345674 SEGURO", "RECIBO B87654321 SEGURO"),
    ],
)
def test_payees_that_read_alike_are_not_mixed_up(bank: Bank, one: str, other: str) -> None:
    confirmed(bank, one, SOFTWARE, "-50", "-50", "-50")
    bank.line("the same", one, "-50")
    bank.line("another", other, "-50")
    bank.run()
    assert (bank.answer("the same").account, bank.answer("another").account) == (SOFTWARE, None)


@pytest.mark.parametrize(
    "texts",
    [
        ("COMPRA TARJ 4020****1234 CAFE SOL 02/11/2026", "Compra tarj. 5412XXXXXXXX9987 CAFÉ SOL 03.12"),
        ("GOOGLE *ADS8743620198", "GOOGLE *ADS1112223334"),
        (
            "RECIBO IBERDROLA CLIENTES OCTUBRE 2026 REF 0099887766",
            "RECIBO IBERDROLA CLIENTES NOV 2026 REF 12345678",
        ),
        ("LIDL 18:22 2026-11-02", "LIDL 09:05:11 2026-11-09"),
        ("SEPA ES12ZZZB12345674 RECIBO 1", "ADEUDO ES12ZZZB12345674 N 77 OTRO TEXTO"),
        ("TRF ES9121000418450200051332 ALQUILER", "TRF ES91 2100 0418 4502 0005 1332 PISO"),
    ],
)
def test_what_changes_from_line_to_line_does_not_hide_the_payee(bank: Bank, texts: tuple[str, str]) -> None:
    confirmed(bank, texts[0], SOFTWARE, "-50", "-50", "-50")
    bank.line("next", texts[1], "-50")
    bank.run()
    assert bank.answer("next").account == SOFTWARE


def test_nothing_is_learnt_from_sellers_of_everything_or_from_numbers(bank: Bank) -> None:
    confirmed(bank, "AMAZON ES MARKETPLACE", SOFTWARE, "-50", "-50", "-50")
    confirmed(bank, "0049 12 3", SOFTWARE, "-50", "-50", "-50")
    bank.line("amazon", "AMAZON ES MARKETPLACE", "-50")
    bank.line("number", "0049 12 3", "-50")
    bank.run()
    assert (bank.answer("amazon").account, bank.answer("number").account) == (None, None)


def line(order: int, account: str, amount: str = "-10") -> Confirmed:
    return Confirmed(order, "acme", "eur", Decimal(amount), account)


@pytest.mark.parametrize(
    ("accounts", "says", "enough"),
    [
        ("A", "A", False),
        ("AAA", "A", True),
        ("AAB", "A", False),
        ("AABB", None, None),
        ("AAABB", "A", True),
        ("AAAABBB", "B", True),  # the last five are A A B B B
        ("ABCDE", None, None),
    ],
)
def test_memory_counts_the_last_five_and_forgets_the_rest(
    accounts: str, says: str | None, enough: bool
) -> None:
    found = remembered(line(order, account) for order, account in enumerate(accounts))
    assert [(memory.account, memory.is_enough) for memory in found] == ([(says, enough)] if says else [])


# The queue


def test_the_queue_shows_the_largest_amount_first_and_all_the_money_that_waits(bank: Bank) -> None:
    bank.line("small", "uno", "-1")
    bank.line("large", "dos", "900")
    bank.line("middle", "tres", "-100")
    bank.run()
    queue = waiting(bank.store, bank.ledger, bank.playbook, limit=2)
    assert [found.key for found in queue.lines] == ["large", "middle"]
    assert [(total.open_lines, total.open_amount) for total in queue.totals] == [(3, Decimal(799))]


def test_a_decision_teaches_the_next_line_and_offers_a_rule(bank: Bank) -> None:
    for number in range(5):
        bank.line(f"k{number}", "ACME SERVICIOS SL", "-100")
    bank.run()
    settled = []
    for number in range(3):
        done = decide(
            bank.store, bank.ledger, bank.playbook, LATER, key=f"k{number}", account="627", by="eva"
        )
        settled.append(done.also_settled)
    assert settled == [0, 0, 2]
    assert {answer.account for answer in bank.answers().values()} == {ADS}
    (offered,) = yaml.safe_load(done.rule or "")
    assert (offered["account"], offered["when"][0]) == (
        ADS,
        {"field": "text", "contains": ["acme servicios sl"]},
    )


@pytest.mark.parametrize(
    ("key", "account", "said"),
    [
        ("zz", "627", "no bank line"),
        ("k", "627", "several bank lines"),
        ("k1", "9", "no account"),
        ("k1", "64", "several accounts"),
    ],
)
def test_a_decision_about_nothing_known_is_refused_and_leaves_no_trace(
    bank: Bank, key: str, account: str, said: str
) -> None:
    bank.line("k1", "uno")
    bank.line("k2", "dos")
    bank.run()
    with pytest.raises(CannotDecide, match=said):
        decide(bank.store, bank.ledger, bank.playbook, NOW, key=key, account=account)
    assert bank.ledger.accounts_given() == []


def own_playbook(tmp_path: Path) -> Path:
    folder = tmp_path / "playbook"
    shutil.copytree(SHIPPED_FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return folder


def test_a_decision_may_become_a_rule_of_the_playbook(bank: Bank, tmp_path: Path) -> None:
    bank.playbook = load_playbook(own_playbook(tmp_path))
    for number in range(3):
        bank.line(f"k{number}", f"FERRETERIA SOL {number}99", "-10")
    bank.line("other way", "FERRETERIA SOL 1", "10")
    bank.run()
    done = decide(bank.store, bank.ledger, bank.playbook, NOW, key="k0", account=RENT, as_rule=True)
    assert done.also_settled == 2
    assert [(bank.answer(key).account, bank.answer(key).step) for key in ("k0", "k1", "other way")] == [
        (RENT, 7),
        (RENT, 3),
        (None, 7),
    ]
    assert load_playbook(tmp_path / "playbook").categories.rules[-1].id == "ferreteria_sol"
    again = decide(
        bank.store,
        bank.ledger,
        load_playbook(tmp_path / "playbook"),
        NOW,
        key="other",
        account=RENT,
        as_rule=True,
    )
    assert again.written_to
    assert load_playbook(tmp_path / "playbook").categories.rules[-1].id == "ferreteria_sol_2"


def test_a_rule_that_contradicts_another_is_not_written(bank: Bank, tmp_path: Path) -> None:
    folder = own_playbook(tmp_path)
    bank.playbook = load_playbook(folder)
    bank.line("a", "FERRETERIA SOL", "-10")
    bank.run()
    decide(bank.store, bank.ledger, bank.playbook, NOW, key="a", account=RENT, as_rule=True)
    before = (folder / "categories.yaml").read_bytes()
    with pytest.raises(CannotDecide, match="does not fit"):
        decide(bank.store, bank.ledger, load_playbook(folder), NOW, key="a", account=ADS, as_rule=True)
    assert (folder / "categories.yaml").read_bytes() == before
    assert bank.answer("a").account == RENT


def test_the_shipped_playbook_is_not_written_to(bank: Bank) -> None:
    bank.playbook = SHIPPED
    bank.line("a", "FERRETERIA SOL", "-10")
    bank.run()
    with pytest.raises(CannotDecide, match="TENFOLD_PLAYBOOK"):
        decide(bank.store, bank.ledger, bank.playbook, NOW, key="a", account=RENT, as_rule=True)


def test_a_text_that_names_nobody_offers_no_rule() -> None:
    assert offer(SHIPPED.categories, "0049 1234", Decimal(-1), RENT) is None
    assert offer(SHIPPED.categories, None, Decimal(-1), RENT) is None


# Preview


def test_a_preview_tells_what_would_change_and_writes_nothing(bank: Bank, tmp_path: Path) -> None:
    folder = own_playbook(tmp_path)
    bank.playbook = load_playbook(folder)
    bank.line("a", "FERRETERIA SOL", "-10", moved_on=date(2026, 1, 1))
    bank.line("b", "FERRETERIA SOL", "-5")
    bank.line("mine", "FERRETERIA SOL", "-7")
    bank.decide("mine", ADS)
    bank.run()
    before = bank.answers()
    assert preview(bank.store, bank.ledger, bank.playbook) == []
    tried = tmp_path / "tried.yaml"
    rule = offer(bank.playbook.categories, "ferreteria sol", Decimal(-1), RENT)
    data = yaml.safe_load((folder / "categories.yaml").read_text())
    tried.write_text(yaml.safe_dump({**data, "rules": [*data["rules"], rule]}))
    (change,) = preview(bank.store, bank.ledger, with_categories(bank.playbook, tried))
    assert (change.before, change.after, change.rule, change.lines, change.amount) == (
        None,
        RENT,
        "ferreteria_sol",
        2,
        Decimal(-15),
    )
    assert bank.answers() == before


# The language model


def test_a_language_model_suggests_from_the_chart_alone_and_is_asked_once() -> None:
    asked = []

    def ask(payees: list[str], accounts: list[str]) -> dict[str, str]:
        asked.append(list(payees))
        assert "unknown" in accounts
        return {"acme": ADS, "beta": "999 Invented", "gamma": "unknown"}

    suggester = Suggester("some model", ask)
    for _ in range(2):
        assert suggestions(["acme", "beta", "gamma", "delta"], [ADS, RENT], suggester) == {"acme": ADS}
    assert asked == [["acme", "beta", "gamma", "delta"]]
    assert suggestions(["acme"], [ADS], None) == {}


def test_a_suggestion_of_a_language_model_decides_nothing(bank: Bank) -> None:
    bank.line("a", "ACME SERVICIOS", "-10")
    bank.run()
    suggester = Suggester("some model", lambda payees, accounts: dict.fromkeys(payees, accounts[0] and ADS))
    (found,) = waiting(bank.store, bank.ledger, bank.playbook, suggester=suggester).lines
    assert (found.suggestion, found.because) == (ADS, "a language model")
    bank.run()
    assert bank.answer("a").account is None
