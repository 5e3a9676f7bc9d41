-- Bank statements: credits become payments, returns take theirs back, and what is known is not booked again.
SELECT o2c.create_company('Bank', 'EUR') AS company \gset
SET o2c.company = :company;
SET o2c.business_date = '2026-03-31';
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
-- The same file again books nothing.
SELECT account, reference, entries, lines, new_lines, payments, received, taken_back, problem FROM o2c.import_camt(:'statement');
SELECT l.position, l.kind, l.booked_on, l.amount, l.gross_amount, l.end_to_end_id, l.party_name, l.return_reason, p.state AS payment
FROM o2c.bank_line l LEFT JOIN o2c.payment p USING (company_id, payment_id) WHERE l.company_id = o2c.current_company() ORDER BY l.bank_line_id;
SELECT bank_account, bank_lines, new_lines, payments, received FROM o2c.import_bank_lines('[
    {"booked_on": "2026-03-30", "amount": 60, "end_to_end_id": "E-9", "remittance": "from another system"},
    {"booked_on": "2026-03-31", "amount": -4.2, "subfamily": "CHRG"}]');

-- What customers let us collect is collected when it is due, and the bank's credit of the batch settles it.
INSERT INTO o2c.customer (code, name) VALUES ('CYN', 'Cyn Ltd');
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) VALUES ('INV-0007', 'CYN', '2026-03-01', '2026-04-02', 90.00);
SELECT o2c.load_invoices();
UPDATE o2c.bank_account SET creditor_id = 'DE98ZZZ09999999999' WHERE company_id = o2c.current_company();
SELECT o2c.add_mandate('CYN', 'DE02120300000000202051', 'M-CYN', '2026-01-05') IS NOT NULL AS mandate;
SELECT xpath('//*[local-name()="InstdAmt"]/text()', o2c.direct_debit_file('2026-04-02')::xml) AS collected;
SELECT o2c.is_creditor_reference(d.end_to_end_id) AS proven, d.amount, d.sequence_type, p.clearing FROM o2c.direct_debit d JOIN o2c.payment p USING (company_id, payment_id)
WHERE d.company_id = o2c.current_company();
SELECT bank_account, new_lines, payments FROM o2c.import_bank_lines((SELECT jsonb_build_array(jsonb_build_object('booked_on', '2026-04-02', 'amount', 90, 'end_to_end_id', d.end_to_end_id))
    FROM o2c.direct_debit d WHERE d.company_id = o2c.current_company()));
SELECT p.clearing, p.state, v.state AS invoice FROM o2c.direct_debit d JOIN o2c.payment p USING (company_id, payment_id), o2c.invoice v
WHERE d.company_id = o2c.current_company() AND v.company_id = d.company_id AND v.number = 'INV-0007';

SELECT * FROM o2c.verify_bank_line UNION ALL SELECT * FROM o2c.verify_bank_statement UNION ALL SELECT * FROM o2c.verify_payment UNION ALL SELECT * FROM o2c.verify_direct_debit;
RESET o2c.business_date;
RESET o2c.company;
