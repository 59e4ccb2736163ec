-- Every posting of the ledger: from the book in its months, else from documents and bank lines.
-- Grain: line_id. Owner: finance. Reads: core.journal_line, staging.accounting_movement, accounting_document,
-- accounting_document_line, accounting_rate, meta.match, meta.category, playbook.account, core.identity_link.
with covered as (
    select distinct date_trunc('month', booked_on) as month from core.journal_line
),

-- Which account plays which part: the playbook's own of that code in the Spanish chart, else a plain name.
roles as (
    select r.role, coalesce(min(a.name), r.name) as account, r.kind
    from (
        values
        ('receivable', '43%', '430 Clients', 'balance'),
        ('payable', '40%', '400 Suppliers', 'balance'),
        ('vat_out', '477%', '477 VAT output', 'balance'),
        ('vat_in', '472%', '472 VAT input', 'balance'),
        ('withheld_from_us', '473%', '473 Tax withheld from us', 'balance'),
        ('withheld_by_us', '4751%', '4751 Tax withheld from others', 'balance'),
        ('social_security', '476%', '476 Social security', 'balance'),
        ('tax', '475%', '475 Tax payable', 'balance'),
        ('loan', '17%', '170 Loans', 'balance'),
        ('fee', '626%', '626 Payment fees', 'direct'),
        ('revenue', '70%', '700 Revenue', 'revenue'),
        -- Names of ours, so that no account of the books is mistaken for them.
        ('transit', '-', '572 Between our accounts', 'balance'),
        ('unclassified', '-', '555 Not classified', 'balance')
    ) as r (role, code, name, kind)
    left join playbook.account as a on a.pgc like r.code
    group by r.role, r.name, r.kind
),

chart as (
    select map(list(role order by role), list(account order by role)) as of_role from roles
),

kinds as (
    select name, kind, acquisition, view from playbook.account
    union all
    select account, kind, false, null from roles where account not in (select name from playbook.account)
),

book as (
    select
        entry_key || ':' || position as line_id, booked_on, account, debit - credit as amount, currency,
        debit, credit, name as counterparty, memo, 'book' as source, entry_key as source_key,
        kind is not null as classified
    from core.journal_line
),

-- What a document asks for, as far as its parts add up; else its parts are not known.
documents as (
    select
        d.document_key, d.issued_on, d.counterparty, d.number, d.total, coalesce(d.currency, r.currency) as currency,
        d.kind in ('invoice', 'credit_note') as ours,
        coalesce(d.tax, 0) as tax,
        -- Some write the total before what is withheld, others after it.
        if(d.total = d.net + coalesce(d.tax, 0), 0, coalesce(d.withheld, 0)) as withheld,
        d.net is null
        or d.total in (d.net + coalesce(d.tax, 0), d.net + coalesce(d.tax, 0) - coalesce(d.withheld, 0)) as whole,
        l.account
    from staging.accounting_document as d
    cross join build.run as r
    left join (
        select document_key, if(count(distinct account) = 1, any_value(account), null) as account
        from staging.accounting_document_line group by document_key
    ) as l on l.document_key = d.document_key and l.account in (select name from playbook.account)
    where d.total <> 0 and d.issued_on is not null
        and date_trunc('month', d.issued_on) not in (select month from covered)
),

document_parts as (
    select
        d.*,
        unnest([
            {'n': 1, 'account': c.of_role[if(d.ours, 'receivable', 'payable')], 'amount': d.total, 'known': true},
            {'n': 2, 'account': c.of_role[if(d.ours, 'withheld_from_us', 'withheld_by_us')],
                'amount': d.withheld, 'known': true},
            {'n': 3, 'account': c.of_role[if(d.ours, 'vat_out', 'vat_in')], 'amount': -d.tax, 'known': true},
            {'n': 4,
                'account': if(
                    d.whole and (d.account is not null or d.ours),
                    coalesce(d.account, c.of_role['revenue']), c.of_role['unclassified']
                ),
                'amount': d.tax - d.total - d.withheld, 'known': d.whole and (d.account is not null or d.ours)}
        ]) as part
    from documents as d
    cross join chart as c
),

movements as (
    select
        m.movement_key, m.moved_on, m.amount, m.text, coalesce(m.currency, r.currency) as currency,
        coalesce(m.account, m.format, '?') as place,
        -- What a provider kept back is a cost, and what it kept it from is the whole.
        if(m.fee <> 0 and m.gross - m.fee = m.amount, m.fee, 0) as fee,
        x.kind, x.other_key, g.account
    from staging.accounting_movement as m
    cross join build.run as r
    left join (
        select
            movement_key, min(kind) as kind, min(other_key) as other_key
        from meta.match group by movement_key
    ) as x using (movement_key)
    left join meta.category as g using (movement_key)
    where m.moved_on is not null and m.amount <> 0
        and date_trunc('month', m.moved_on) not in (select month from covered)
        -- The book has it, in a month next to this one.
        and x.kind is distinct from 'entry'
),

-- Who paid with an invoice open settles what is owed, and earns us nothing a second time.
owing as (
    select distinct
        ' ' || trim(regexp_replace(lower(strip_accents(counterparty)), '[^\p{L}\p{N}]+', ' ', 'g')) || ' ' as name,
        ours, currency
    from documents where length(counterparty) > 5
),

settled as (
    select m.movement_key, bool_or(o.ours) as ours
    from (select * from movements where account in (select name from playbook.account where kind <> 'balance')) as m
    inner join owing as o
        on o.currency = m.currency and o.ours = (m.amount > 0)
        and contains(
            ' ' || regexp_replace(lower(strip_accents(coalesce(m.text, ''))), '[^\p{L}\p{N}]+', ' ', 'g') || ' ',
            o.name
        )
    group by m.movement_key
),

decided as (
    select
        m.*,
        case
            when m.kind in ('transfer', 'payout', 'card_settlement') then c.of_role['transit']
            when m.kind = 'document' then c.of_role[if(coalesce(d.ours, m.amount > 0), 'receivable', 'payable')]
            when s.movement_key is not null then c.of_role[if(s.ours, 'receivable', 'payable')]
            when m.account is not null then m.account
            when m.kind = 'loan' then c.of_role['loan']
            when m.kind = 'tax' then c.of_role[if(m.other_key = 'social_security', m.other_key, 'tax')]
        end as against,
        c.of_role['unclassified'] as unclassified,
        c.of_role['fee'] as fee_account
    from movements as m
    cross join chart as c
    left join settled as s using (movement_key)
    left join (
        select document_key, kind in ('invoice', 'credit_note') as ours from staging.accounting_document
    ) as d on d.document_key = m.other_key
),

movement_parts as (
    select
        *,
        unnest([
            {'n': 1, 'account': '572 ' || place, 'amount': amount},
            {'n': 2, 'account': coalesce(against, unclassified), 'amount': -amount - fee},
            {'n': 3, 'account': fee_account, 'amount': fee}
        ]) as part
    from decided
),

posted as (
    select
        line_id, booked_on, account, debit, credit, currency, counterparty, memo, source, source_key, classified
    from book
    union all
    select
        document_key || ':' || part.n, issued_on, part.account,
        greatest(if(ours, part.amount, -part.amount), 0), greatest(if(ours, -part.amount, part.amount), 0),
        currency, counterparty, number, 'document', document_key, part.known
    from document_parts where part.amount <> 0
    union all
    select
        movement_key || ':' || part.n, moved_on, part.account, greatest(part.amount, 0), greatest(-part.amount, 0),
        currency, null, text, 'movement', movement_key, part.n <> 2 or against is not null
    from movement_parts where part.amount <> 0
),

-- Units of a currency for one euro on the day, or the last ones before it.
rates as (
    select currency, rated_on, cast(rate * 1000000 as hugeint) as units
    from staging.accounting_rate where rate > 0
),

rated as (
    select
        p.*, r.zone,
        case
            when p.currency = r.currency then 1
            when p.currency = 'EUR' then 1000000
            when f.rated_on >= p.booked_on - 7 then f.units
        end as units_from,
        case
            when p.currency = r.currency then 1
            when r.currency = 'EUR' then 1000000
            when t.rated_on >= p.booked_on - 7 then t.units
        end as units_to
    from (select p.*, r.currency as home from posted as p cross join build.run as r) as p
    cross join build.run as r
    asof left join rates as f on f.currency = p.currency and f.rated_on <= p.booked_on
    asof left join rates as t on t.currency = p.home and t.rated_on <= p.booked_on
)

select
    p.line_id,
    p.booked_on,
    timezone(p.zone, cast(p.booked_on as timestamp)) as booked_at,
    p.account,
    k.kind,
    coalesce(k.acquisition, false) as acquisition,
    k.view as category,
    p.debit,
    p.credit,
    p.currency,
    -- In whole ten-thousandths: DuckDB divides decimals in floating point.
    cast(
        cast(
            sign(p.debit) * ((2 * abs(cast(p.debit * 10000 as hugeint)) * units_to + units_from) // (2 * units_from))
            as decimal(18, 0)
        ) * 0.0001 as decimal(18, 4)
    ) as home_debit,
    cast(
        cast(
            sign(p.credit) * ((2 * abs(cast(p.credit * 10000 as hugeint)) * units_to + units_from) // (2 * units_from))
            as decimal(18, 0)
        ) * 0.0001 as decimal(18, 4)
    ) as home_credit,
    p.counterparty,
    c.client_id,
    p.memo,
    p.source,
    p.source_key,
    p.classified
from rated as p
left join kinds as k on k.name = p.account
left join core.identity_link as l
    on l.source = 'accounting' and l.kind = 'company' and l.source_id = p.counterparty
left join core.client as c on c.client_id = l.entity_id
