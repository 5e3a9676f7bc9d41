/*-------------------------------------------------------------------------
 *
 * invoice.h
 *		Drafting and posting invoices, credit notes included.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_INVOICE_H
#define O2C_INVOICE_H

#include "o2c.h"

#include "core/plan.h"

/* A line of an invoice. */
typedef struct O2cInvoiceLine
{
	int32		line_no;		/* 0: by position */
	bool		charge;
	int64		shipment;		/* 0: none */
	int64		order_id;		/* 0: none */
	int32		order_line;
	NullableDatum product;
	char	   *description;
	Numeric		quantity;
	Numeric		unit_price;
	Numeric		discount;
	Numeric		net;
	char	   *category;
	Numeric		rate;
} O2cInvoiceLine;

/* An invoice before it is stored. */
typedef struct O2cInvoice
{
	const char *kind;
	int64		customer;		/* who owes it */
	int64		order_id;		/* 0 when it covers several */
	int64		original;		/* the invoice that a credit note is for */
	char	   *currency;
	char	   *terms;			/* NULL: none, due at once */
	char	   *po_number;
	char	   *reason;
	NullableDatum credit_rate;
	O2cInvoiceLine *lines;
	int			n;
	int64		id;				/* once it is stored */
	Numeric		total;
} O2cInvoice;

extern void o2c_store_invoices(int64 company, DateADT invoiced_on, O2cInvoice *invoices, int n);
extern Datum o2c_invoice_ids(const O2cInvoice *invoices, int n);
extern uint64 o2c_post_invoices(int64 company, const char *series, DateADT invoiced_on, Datum ids, int n);

#endif /* O2C_INVOICE_H */
