#ifndef CLI_OUT_H
#define CLI_OUT_H

#include "base/err.h"
#include "base/str.h"

/*
 * Records on stdout: tab-separated with a header line, or one JSON object per
 * line.  The column names are the header and the JSON keys; each record gives
 * its fields in that order.
 *
 *	static const char *const columns[] = {"id", "status", NULL};
 *	out_init(&o, p->json, !p->no_header, columns);
 *	out_int(&o, id); out_text(&o, status);
 *	out_end(&o);
 *
 * Write errors are kept by stdio; prog_main reports them at the end (exit 111).
 * Once per record out_check is worth its call, when there may be millions.
 */
struct js;

struct out {
	bool json;
	bool header; /* still to be written */
	const char *const *columns; /* ends with NULL; must stay */
	size_t at; /* next column of the record in hand */
	struct js *record; /* with json */
};

/* Makes a writer; `header` matters for tab-separated only. */
void out_init(
    struct out *o, bool json, bool header, const char *const *columns);

/*
 * Each gives the next field.  A NULL text, a count below 0, an id of 0 and a
 * time of 0 are empty, in JSON null.  Tabs, control bytes, backslashes and what
 * is not ASCII come out as \xNN in tab-separated text.  A time is RFC 3339 in
 * UTC; out_yes gives yes or no, in JSON true or false.  Giving more fields than
 * there are columns, or fewer before out_end, aborts.
 */
void out_text(struct out *o, const char *s);
void out_int(struct out *o, int64_t n);
void out_count(struct out *o, int64_t n);
void out_id(struct out *o, int64_t id);
void out_time(struct out *o, int64_t t);
void out_yes(struct out *o, bool yes);

/* Texts with blanks between, in JSON an array. */
void out_list(struct out *o, const struct strv *l);

/* Ends the record. */
void out_end(struct out *o);

/* Ends the output: a header that no record has brought out is written now. */
void out_finish(struct out *o);

/* -1 (KIND_SYS) when a write to stdout has failed. */
int out_check(struct err *e);

/*
 * Flushes stdout and closes it, so that a full disk is noticed.
 * Returns 0, or -1 (KIND_SYS).  Called by prog_main.
 */
int out_close(struct err *e);

#endif
