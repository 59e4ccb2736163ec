"""Bank lines whose own words say that they are neither income nor cost: loans, taxes, social security."""

import duckdb

from warehouse.store import quoted

# Words that make a cost of what would else be a debt paid back.
_COST = "comision|comisiones|interes|intereses|interest|recargo|sancion|multa|penalty|embargo|seguro"
_LOAN = (
    "prestamo|prestamos|cuota prestamo|amortizacion prestamo|hipoteca|loan|loan repayment|loan payment|"
    "credito ico|darlehen|emprunt|disposicion poliza|poliza de credito"
)
_TAX = {
    "social_security": "tgss|tesoreria general de la seguridad social|tesoreria gral seg social|"
    "seguridad social|seg social|seguros sociales|urssaf|inps",
    "vat": "modelo 303|mod 303|modelo 390|modelo 308|hmrc vat|vat payment|iva trimestral",
    "withholding": "modelo 111|mod 111|modelo 115|mod 115|modelo 123|mod 123|hmrc paye|irs usataxpymt|eftps",
    "profit": "modelo 200|mod 200|modelo 202|mod 202|modelo 130|mod 130|corporation tax|"
    "impuesto sobre sociedades",
    "other": "aeat|agencia tributaria|agencia estatal de administracion tributaria|hmrc|finanzamt|"
    "agenzia entrate|dgfip|franchise tax board",
}
_WHAT = {
    "social_security": "social security, owed before it is paid",
    "vat": "VAT, which was never ours",
    "withholding": "tax withheld from others, which was never ours",
    "profit": "tax on profit, owed before it is paid",
    "other": "a tax office; which tax the text does not say",
}


def match(con: duckdb.DuckDBPyConnection) -> None:
    """Add loans and taxes to `matched`, from `free`. Which tax it is stands in `other_key`."""
    con.execute(
        "insert into matched select movement_key, 'loan', null, amount, "
        "if(amount > 0, 'Money borrowed', 'A loan paid back') "
        f"|| ' by its own words; interest in it is not told apart' {_saying(_LOAN)}"
    )
    for tax, pattern in _TAX.items():
        con.execute(
            f"insert into matched select movement_key, 'tax', ?, amount, ? {_saying(pattern)}",
            [tax, f"By its own words {_WHAT[tax]}"],
        )


def _saying(pattern: str) -> str:
    return (
        f"from free where regexp_matches(words, {_any(pattern)}) and not regexp_matches(words, {_any(_COST)})"
    )


def _any(pattern: str) -> str:
    return quoted(f" ({pattern}) ")
