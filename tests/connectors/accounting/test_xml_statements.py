"""OFX and CAMT.053: what the standards allow, what banks do, and what no file may do to us."""

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.accounting import Format, ImportedFile, read_file

OFX_HEAD = "OFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\nENCODING:USASCII\r\nCHARSET:1252\r\n\r\n"


def read(folder: Path, content: bytes | str) -> ImportedFile:
    path = folder / "x.dat"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_file(path)


def ofx_account(account: str, currency: str, *transactions: str) -> str:
    return (
        f"<STMTTRNRS><STMTRS><CURDEF>{currency}<BANKACCTFROM><BANKID>0049<ACCTID>{account}<ACCTTYPE>CHECKING"
        f"</BANKACCTFROM><BANKTRANLIST><DTSTART>20260301<DTEND>20260331{''.join(transactions)}</BANKTRANLIST>"
        "</STMTRS></STMTTRNRS>"
    )


def ofx_line(
    amount: str, fitid: str = "1", day: str = "20260302120000[-5:EST]", rest: str = "<NAME>Shop"
) -> str:
    return f"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>{day}<TRNAMT>{amount}<FITID>{fitid}{rest}</STMTTRN>\n"


def ofx(*accounts: str) -> str:
    return f"{OFX_HEAD}<OFX><BANKMSGSRSV1>{''.join(accounts)}</BANKMSGSRSV1></OFX>\n"


def test_accounts_and_currencies_of_one_ofx_file_stay_apart(tmp_path: Path) -> None:
    text = ofx(
        ofx_account("1", "EUR", ofx_line("-10.00")),
        ofx_account("2", "USD", ofx_line("5.50"), ofx_line("-1", "2")),
    )
    found = read(tmp_path, text)
    assert found.totals == {"EUR": Decimal("-10.00"), "USD": Decimal("4.50")}
    assert [m["account"] for m in found.movements] == ["0049 1", "0049 2", "0049 2"]
    assert found.movements[0]["date"] == "2026-03-02"


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("-1234,56", "-1234.56"),
        ("+12.5", "12.50"),
        ("-1.234,56", "-1234.56"),
        ("0", "0.00"),
        ("-12,500", "-12.500"),
    ],
)
def test_one_mark_in_an_ofx_amount_is_its_decimal_mark(tmp_path: Path, text: str, amount: str) -> None:
    (movement,) = read(tmp_path, ofx(ofx_account("1", "EUR", ofx_line(text)))).movements
    assert movement["amount"] == amount


def test_an_amount_within_a_currency_aggregate_is_in_that_currency(tmp_path: Path) -> None:
    rest = "<NAME>Shop<CURRENCY><CURRATE>1.1<CURSYM>USD</CURRENCY>"
    original = "<NAME>Shop<ORIGCURRENCY><CURRATE>1.1<CURSYM>USD</ORIGCURRENCY>"
    text = ofx(ofx_account("1", "EUR", ofx_line("-10.00", rest=rest), ofx_line("-3.00", "2", rest=original)))
    assert read(tmp_path, text).totals == {"EUR": Decimal("-3.00"), "USD": Decimal("-10.00")}


@pytest.mark.parametrize("mark", ["<INTU.BID>3000<INTU.USERID>x", "<INTU.ORG>B1</INTU.ORG>"])
def test_what_quicken_and_quickbooks_add_to_an_ofx_file_is_no_harm(tmp_path: Path, mark: str) -> None:
    text = ofx(ofx_account("1", "EUR", ofx_line("-10.00"))).replace(
        "<OFX>", f"<OFX><SIGNONMSGSRSV1>{mark}</SIGNONMSGSRSV1>"
    )
    found = read(tmp_path, text)
    assert (found.format, found.totals, found.rejected) == (Format.OFX, {"EUR": Decimal("-10.00")}, [])
    assert found.verified == []  # one balance without the one before it proves nothing


def test_the_other_party_s_account_is_not_taken_for_ours(tmp_path: Path) -> None:
    rest = "<NAME>Rent<BANKACCTTO><BANKID>9<ACCTID>999<ACCTTYPE>CHECKING</BANKACCTTO><MEMO>March"
    found = read(
        tmp_path, ofx(ofx_account("1", "EUR", ofx_line("-10.00", rest=rest), ofx_line("-3.00", "2")))
    )
    assert [(m["account"], m["text"]) for m in found.movements] == [
        ("0049 1", "Rent · March"),
        ("0049 1", "Shop"),
    ]


def test_a_bank_that_repeats_its_ids_loses_no_transaction(tmp_path: Path) -> None:
    lines = [ofx_line("-10.00", "0"), ofx_line("-10.00", "0"), ofx_line("-11.00", "0")]
    found = read(tmp_path, ofx(ofx_account("1", "EUR", *lines)))
    assert len({m["key"] for m in found.movements}) == 3
    assert "repeat a FITID" in found.warnings[0]


def test_an_ofx_transaction_keeps_its_key_when_the_bank_rewrites_its_text(tmp_path: Path) -> None:
    (before,) = read(tmp_path, ofx(ofx_account("1", "EUR", ofx_line("-10.00", "F1")))).movements
    (after,) = read(
        tmp_path, ofx(ofx_account("1", "EUR", ofx_line("-10.00", "F1", rest="<NAME>SHOP MADRID")))
    ).movements
    assert before["key"] == after["key"]


def test_entities_and_cdata_in_names_are_read_as_text(tmp_path: Path) -> None:
    lines = [
        ofx_line("-1", "1", rest="<NAME>K&amp;L Wines"),
        ofx_line("-2", "2", rest="<NAME><![CDATA[A <b> & c]]>"),
    ]
    found = read(tmp_path, ofx(ofx_account("1", "EUR", *lines)))
    assert [m["text"] for m in found.movements] == ["K&L Wines", "A <b> & c"]


def test_an_ofx_in_cp1252_keeps_its_letters(tmp_path: Path) -> None:
    found = read(tmp_path, ofx(ofx_account("1", "EUR", ofx_line("-1", rest="<NAME>Peña"))).encode("cp1252"))
    assert (found.movements[0]["text"], found.encoding) == ("Peña", "cp1252")


def camt(*entries: str, balances: str = "", version: str = "02") -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><ns:Document xmlns:ns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">'
        "<ns:BkToCstmrStmt><ns:Stmt><ns:Acct><ns:Id><ns:IBAN>ES1720852066623456789011</ns:IBAN></ns:Id></ns:Acct>"
        f"{balances}{''.join(entries)}</ns:Stmt></ns:BkToCstmrStmt></ns:Document>"
    )


def entry(
    amount: str,
    mark: str = "DBIT",
    status: str = "BOOK",
    rest: str = "",
    day: str = "<ns:Dt>2026-03-02</ns:Dt>",
) -> str:
    return (
        f'<ns:Ntry><ns:Amt Ccy="EUR">{amount}</ns:Amt><ns:CdtDbtInd>{mark}</ns:CdtDbtInd><ns:Sts>{status}</ns:Sts>'
        f"<ns:BookgDt>{day}</ns:BookgDt>{rest}</ns:Ntry>"
    )


def balance(code: str, amount: str) -> str:
    return (
        f"<ns:Bal><ns:Tp><ns:CdOrPrtry><ns:Cd>{code}</ns:Cd></ns:CdOrPrtry></ns:Tp>"
        f'<ns:Amt Ccy="EUR">{amount}</ns:Amt><ns:CdtDbtInd>CRDT</ns:CdtDbtInd></ns:Bal>'
    )


def test_pending_entries_are_not_money_yet(tmp_path: Path) -> None:
    new_form = "<ns:Cd>PDNG</ns:Cd>"
    found = read(
        tmp_path,
        camt(entry("10.00"), entry("5.00", status="PDNG"), entry("6.00", status=new_form), version="08"),
    )
    assert found.totals == {"EUR": Decimal("-10.00")}
    assert "PDNG" in found.warnings[0]


def test_a_reversed_entry_goes_the_way_its_mark_says(tmp_path: Path) -> None:
    found = read(tmp_path, camt(entry("10.00", "CRDT", rest="<ns:RvslInd>true</ns:RvslInd>")))
    assert found.totals == {"EUR": Decimal("10.00")}


def test_a_batch_is_one_movement_of_its_total(tmp_path: Path) -> None:
    details = "".join(
        f"<ns:TxDtls><ns:RltdPties><ns:Cdtr><ns:Nm>Supplier {i}</ns:Nm></ns:Cdtr></ns:RltdPties></ns:TxDtls>"
        for i in range(30)
    )
    (movement,) = read(
        tmp_path, camt(entry("300.00", rest=f"<ns:NtryDtls>{details}</ns:NtryDtls>"))
    ).movements
    assert movement["amount"] == "-300.00"
    assert "Supplier 0" in movement["text"]
    assert "10 more" in movement["text"]


def test_balances_that_do_not_tie_are_said(tmp_path: Path) -> None:
    ties = camt(entry("10.00"), balances=balance("OPBD", "100.00") + balance("CLBD", "90.00"))
    assert read(tmp_path, ties).warnings == []
    assert "91.00" in read(tmp_path, ties.replace(">90.00", ">91.00")).warnings[0]


def test_a_time_of_day_gives_the_day_it_names(tmp_path: Path) -> None:
    (movement,) = read(
        tmp_path, camt(entry("10.00", day="<ns:DtTm>2026-03-02T23:30:00+01:00</ns:DtTm>"))
    ).movements
    assert movement["date"] == "2026-03-02"


BOMBS = [
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "x"><!ENTITY y "&x;&x;&x;">]><Document xmlns="camt.053">&y;</Document>',
    '<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/passwd"><Document xmlns="camt.053"/>',
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1:9/">]><OFX>&x;</OFX>',
]


@pytest.mark.parametrize("text", BOMBS, ids=["billion laughs", "external document type", "external entity"])
def test_a_file_that_declares_entities_is_not_opened(tmp_path: Path, text: str) -> None:
    assert "entities" in (read(tmp_path, text).refusal or "")


@pytest.mark.parametrize("share", [10, 30, 50, 70, 90, 99])
@pytest.mark.parametrize("format_", [Format.OFX, Format.CAMT053])
def test_a_statement_cut_off_anywhere_is_refused_whole(tmp_path: Path, format_: Format, share: int) -> None:
    lines = [ofx_line("-10.00", str(i)) for i in range(9)]
    whole = (
        ofx(ofx_account("1", "EUR", *lines))
        if format_ is Format.OFX
        else camt(*[entry("1.00") for _ in range(9)])
    )
    found = read(tmp_path, whole.strip()[: len(whole) * share // 100 - 2])
    assert found.refusal
    assert found.records == 0
