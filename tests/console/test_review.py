"""A person sees what waits, decides, and sees what other rules would change, by the command alone."""

from decimal import Decimal
from pathlib import Path

from tests.house import House
from tests.tasks.money_cases import Bank
from warehouse.ledger import open_ledger


def test_a_person_settles_what_waits(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with open_ledger(home) as ledger:
        bank = Bank(home, ledger)
        bank.line("k1", "FERRETERIA SOL [SL] 12", "-90.5")
        bank.line("k2", "HUBSPOT", "-10")
        bank.run()
    house = House(home, {"TENFOLD_ACCOUNTING__INBOX": str(tmp_path)})
    queue = house.json("review", "money")
    assert [(line["key"], Decimal(line["amount"])) for line in queue["lines"]] == [("k1", Decimal("-90.5"))]
    assert [(Decimal(total["amount"]), total["open_lines"]) for total in queue["totals"]] == [
        (Decimal("-100.5"), 1)
    ]
    said = house.tenfold("review", "money", "decide", "k1", "621", "--by", "eva")
    assert said.returncode == 0, said.stderr
    assert "k1 is 621 Office rent" in said.stdout
    assert "ferreteria sol [sl]" in said.stdout
    assert house.json("review", "money")["lines"] == []
    refused = house.tenfold("review", "money", "decide", "k9", "621")
    assert refused.returncode == 1
    assert "no bank line" in refused.stderr
    assert house.json("categories", "preview") == []
