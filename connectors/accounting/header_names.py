"""Column headers of banks in a dozen languages: lower case, no accents, no punctuation, separated by bars.

Data, not code: add what a new bank writes. The order within "date" and "amount" is the order of preference.
"""

NAMES = {
    "date": """
        date | fecha | datum | data | fecha operacion | f operacion | fecha oper | f oper | f op |
        fecha op | fecha de operacion | fecha de la operacion | fecha contable | f contable | fecha mov |
        fecha movimiento | fecha de movimiento | fecha apunte | booking date | bookingdate | date booked |
        posting date | posted date | post date | posted on | transaction date | trans date | txn date |
        date of transaction | trade date | completed date | date completed | process date |
        processed date | entry date | date utc | created date | created date utc | created utc | created |
        started date | buchungstag | buchungsdatum | buchung | belegdatum | transaktionsdatum |
        datum zauctovani | datum provedeni | datum transakce | datum operace | date operation |
        date de l operation | date d operation | date de operation | date comptable | date transaction |
        date de comptabilisation | data operazione | data contabile | data registrazione |
        data lancamento | data do lancamento | data movimento | data mov | data operacao |
        data da operacao | bokforingsdag | bokforingsdatum | bokforingsdato | dato | bogfoert dato |
        bogforingsdato | bokfort | kirjauspaiva | kirjauspvm | paivays | pvm | data ksiegowania |
        data operacji | data transakcji | boekdatum | transactiedatum | boekingsdatum | kuupaev | datums |
        tarih | konyveles datuma | datum knjizenja | datum obrade | dag | fecha hora | date time |
        datetime | timestamp
    """,
    "value": """
        value date | valuedate | value | fecha valor | f valor | fecha de valor | fecha val |
        wertstellung | wertstellungstag | valutadatum | wert | valuta datum | date valeur |
        date de valeur | data valuta | data valor | rentedatum | interest date | valutadato | rentedato |
        valutadag | arvopaiva | data waluty | valdatum | datum valute | settlement date |
        fecha liquidacion
    """,
    "amount": """
        amount | importe | betrag | umsatz | montant | importo | valor | bedrag | belopp | belob | belop |
        beloeb | kwota | castka | zauctovana castka | objem | transaction amount | amount one column |
        monto | cantidad | cuantia | quantia | summa | maara | summe | suma | iznos | tutar | osszeg |
        transaktionsbetrag | kwota operacji | importe operacion | importe movimiento |
        importe del movimiento | imp | amt | paid in out | betrag in | bedrag in | net | net amount |
        neto | netto | local amount | amount in account currency | billing amount | booked amount |
        posted amount | vaerdi | bokfort belopp
    """,
    "debit": """
        debit | debe | cargo | cargos | gasto | gastos | soll | debit amount |
        debit amount two column approach | withdrawal | withdrawals | withdrawn | money out | paid out |
        out | outgoing | abgang | ausgang | ausgaben | belastung | debito | debitos | debits | addebiti |
        addebito | dare | uscite | uscita | uitgaven | af | salida | salidas | egreso | egresos | pagos |
        retiro | retiros | ut | uttag | debet | depense | depenses | obciazenia | obciazenie | terhelés |
        terheles | payments | spent | importe cargo | importe debe | debits amount | saidas | saida |
        ut fra konto | ut av konto
    """,
    "credit": """
        credit | haber | abono | abonos | ingreso | ingresos | haben | gutschrift | credit amount |
        credit amount two column approach | deposits | deposit | deposited | money in | paid in | in |
        incoming | eingang | einnahmen | credito | creditos | credits | accrediti | accredito | avere |
        entrate | entrata | inkomsten | bij | entrada | entradas | deposito | depositos | in pa konto |
        inn pa konto | insattning | kredit | recette | recettes | uznania | uznanie | jovairas |
        received | importe abono | importe haber
    """,
    "balance": """
        balance | saldo | running balance | saldo contable | disponible | solde | kontostand |
        saldo disponible | account balance | saldo posterior | balance after | saldo tras operacion |
        nuevo saldo | saldo final | saldo actual | saldo cuenta | saldo po operacji | saldo dopo |
        bokfort saldo | available balance | saldo despues | zustatek | egyenleg | closing balance |
        saldo nach buchung | bakiye | current balance | ledger balance | saldo resultante
    """,
    "currency": """
        currency | currency code | divisa | moneda | wahrung | waehrung | devise | ccy | mena |
        mena uctu | cur | moeda | munt | muntsoort | waluta | valuta | account currency | div | deviza |
        para birimi | valuut | iso currency | currency iso
    """,
    "account": """
        account | cuenta | iban | konto | compte | conto | conta | rekening | account no |
        account number | account nr | account name | numero de cuenta | n de cuenta | num cuenta |
        numero cuenta | numero de compte | cislo uctu | numero uctu | auftragskonto | auftraggeberkonto |
        kontonummer | source account | iban auftragskonto | iban auftraggeberkonto | rekeningnummer |
        numer konta | numer rachunku | account iban | own account | cuenta de origen | numero conto |
        eigen rekening | ccc | account id | your account | kontonr
    """,
    "id": """
        transaction id | transaction reference id | id transakce | fitid | txn id | trans id |
        transactionid | id transaccion | id operacion | id movimiento | transaktionsid | transaktions id |
        entry reference | acctsvcrref | unique id | bank id | transaction identifier | id transazione |
        identificador | uuid | movement id | id pohybu | id operace
    """,
    "sign": """
        d k | d c | c d | dc | cd | debit credit | credit debit | debe haber | d h | soll haben | s h |
        af bij | cdtdbtind | cr dr | dr cr | d or c | sign | signo | debit credit indicator |
        credit debit indicator | sens | segno | k d | deb cred | type debit credit | direction |
        dc indicator | dr cr indicator | debe o haber | cargo abono | tipo | type | tipo movimiento |
        tipo de movimiento | transaction type | umsatztyp
    """,
    "status": """
        status | state | estado | stav | etat | stato | transaction status
    """,
    "gross": """
        gross | gross amount | bruto | brutto | importe bruto
    """,
    "fee": """
        fee | fees | fee amount | poplatek | comision | comisiones | gebuhr | frais | commissione
    """,
    "text": """
        description | concepto | text | texto | details | detalle | detalles | verwendungszweck |
        buchungstext | libelle | descrizione | causale | historico | memo | name | payee | beneficiary |
        movimiento | mas datos | observaciones | comentario | comentarios | descripcion | omschrijving |
        counterparty | merchant | narrative | narration | reference | referencia | note | notes | notas |
        bank description | zprava | poznamka | nazev protiuctu | mededelingen | mededeling | naam |
        naam omschrijving | naam tegenpartij | empfanger | auftraggeber |
        beguenstigter zahlungspflichtiger | beneficiario | particulars | remarks |
        transaction description | nombre | ordenante | proveedor | concepto ampliado |
        descripcion ampliada | information | informacion adicional | lisatiedot | viesti | saaja | opis |
        opis operacji | tytul | nadawca | odbiorca | titel | beskrivelse | tekst | meddelande |
        mottagare | rubrik | mensaje | subject | zahlungsempfanger | auftraggeber empfanger |
        name zahlungsbeteiligter | umsatzinfo | vorgang verwendungszweck | communication |
        communications | extra info
    """,
    "category": """
        category | categoria | kategorie | subcategoria | categorie | gl code | kategorie transakce |
        tag | tags | reporting category
    """,
}
