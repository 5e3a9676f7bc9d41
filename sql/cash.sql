-- Payments: recorded once, identified, matched, applied, taken back.
SELECT o2c.create_company('Cash', 'EUR') AS company \gset
SET o2c.company = :company;
SET o2c.business_date = '2026-03-31';
INSERT INTO o2c.customer (code, name) VALUES ('ADA', 'Ada Ltd'), ('BOB', 'Bob Ltd');
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) VALUES
    ('INV-0001', 'ADA', '2026-02-01', '2026-03-03', 100.00),
    ('INV-0002', 'ADA', '2026-02-10', '2026-03-12', 75.00),
    ('INV-0003', 'BOB', '2026-02-15', '2026-03-17', 60.00);
SELECT o2c.load_invoices();

-- A receipt that the bank reports twice is booked once.
SELECT o2c.record_payment(100, '2026-03-01', 'ADA', 'invoice', provider => 'bank', provider_reference => 'T-1') AS first \gset
SELECT o2c.record_payment(100, '2026-03-01', 'ADA', 'invoice', provider => 'bank', provider_reference => 'T-1') = :first AS same;
\set VERBOSITY terse
SELECT o2c.record_payment(101, '2026-03-01', 'ADA', 'invoice', provider => 'bank', provider_reference => 'T-1');
\set VERBOSITY default

-- Payments whose payer is not known wait until what they say, or a person, says whose they are.
INSERT INTO o2c.payment_import (reference, customer, received_on, amount, payer_name) VALUES
    ('inv 0003', NULL, '2026-03-02', 50.00, 'BOB LIMITED'),
    ('thank you', NULL, '2026-03-03', 75.00, NULL),
    ('nothing known', NULL, '2026-03-04', 5.00, NULL);
SELECT o2c.load_payments();
SELECT o2c.identify_payment(payment_id, 'ADA') IS NOT NULL AS identified
FROM o2c.payment WHERE company_id = o2c.current_company() AND reference = 'thank you';

-- Matching applies what is certain and leaves the rest.
SELECT p.reference, v.number, m.stage, m.amount FROM o2c.match_payments() m
JOIN o2c.payment p USING (payment_id) JOIN o2c.invoice v USING (invoice_id) ORDER BY p.received_on;
SELECT count(*) FROM o2c.match_payments();
SELECT p.reference, c.code AS customer, p.amount, p.state, - i.open_amount AS on_account
FROM o2c.payment p
LEFT JOIN o2c.customer c USING (company_id, customer_id)
LEFT JOIN o2c.open_item i USING (company_id, item_id)
WHERE p.company_id = o2c.current_company() ORDER BY p.received_on;

-- What a person applies may leave a discount; more than is open is refused.
SELECT o2c.record_payment(9, '2026-03-20', 'BOB', 'rest') AS rest \gset
SELECT o2c.apply_payment(:rest, 'INV-0003', 9, discount => 2);
SELECT o2c.apply_payment(:rest, 'INV-0003', discount => 1, note => 'agreed by telephone') IS NOT NULL AS applied;

-- A payment that bounces opens its invoices again, due when they were.
SELECT o2c.reverse_payment(:first, '2026-03-25', 'no funds');
SELECT v.number, v.state, i.due_on, i.open_amount FROM o2c.invoice v JOIN o2c.open_item i USING (company_id, invoice_id)
WHERE v.company_id = o2c.current_company() ORDER BY v.number;
SELECT customer, total, days_1_30, unapplied FROM o2c.customer_aging ORDER BY customer;
SELECT customer, total, unapplied FROM o2c.aging_report('2026-03-24');

-- A bank statement: credits become payments, returns take theirs back, and what is known is not booked again.
SELECT '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>M-1</MsgId></GrpHdr><Stmt><Id>2026-060</Id>
    <Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>
    <Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">10</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-29</Dt></Dt></Bal>
    <Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">66.5</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-31</Dt></Dt></Bal>
    <Ntry><Amt Ccy="EUR">75.00000</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-03-30</Dt></BookgDt><NtryDtls>
        <TxDtls><Refs><EndToEndId>E-1</EndToEndId></Refs><Amt Ccy="EUR">60</Amt><RltdPties><Dbtr><Pty><Nm>Ada Ltd</Nm></Pty></Dbtr></RltdPties><RmtInf><Ustrd>INV-0002</Ustrd></RmtInf></TxDtls>
        <TxDtls><Refs><EndToEndId>E-2</EndToEndId></Refs><Amt Ccy="EUR">15</Amt><RltdPties><Dbtr><Pty><Nm>Bob Ltd</Nm></Pty></Dbtr></RltdPties></TxDtls></NtryDtls></Ntry>
    <Ntry><Amt Ccy="EUR">18.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-03-31</Dt></BookgDt><NtryDtls>
        <TxDtls><Refs><EndToEndId>E-2</EndToEndId></Refs><Chrgs><Rcrd><Amt Ccy="EUR">3.50</Amt></Rcrd></Chrgs><RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf></TxDtls></NtryDtls></Ntry>
    </Stmt></BkToCstmrStmt></Document>'::xml AS statement \gset
SELECT account, reference, entries, lines, new_lines, payments, received, taken_back, problem FROM o2c.import_camt(:'statement');
SELECT account, reference, entries, lines, new_lines, payments, received, taken_back, problem FROM o2c.import_camt(:'statement');
SELECT l.position, l.kind, l.booked_on, l.amount, l.gross_amount, l.end_to_end_id, l.party_name, l.return_reason, p.state AS payment
FROM o2c.bank_line l LEFT JOIN o2c.payment p USING (company_id, payment_id) WHERE l.company_id = o2c.current_company() ORDER BY l.bank_line_id;
SELECT bank_account, bank_lines, new_lines, payments, received FROM o2c.import_bank_lines('[
    {"booked_on": "2026-03-30", "amount": 60, "end_to_end_id": "E-9", "remittance": "from another system"},
    {"booked_on": "2026-03-31", "amount": -4.2, "subfamily": "CHRG"}]');
SELECT * FROM o2c.verify_bank_line UNION ALL SELECT * FROM o2c.verify_bank_statement;

SELECT * FROM o2c.verify_payment UNION ALL SELECT * FROM o2c.verify_open_item UNION ALL SELECT * FROM o2c.verify_exposure_receivable;
RESET o2c.business_date;
RESET o2c.company;
