#ifndef STORE_RENEWAL_DUE_H
#define STORE_RENEWAL_DUE_H

#include "base/base.h"

/*
 * When a certificate is to be renewed, and by which rule.  It is decided here
 * and nowhere else.
 */
enum renewal_rule {
	RENEWAL_FIRST, /* there is none yet */
	RENEWAL_WINDOW, /* the CA has said when (RFC 9773) */
	RENEWAL_LIFETIME, /* a third of it is left; half of under ten days */
	RENEWAL_PART, /* so much of it is left as the operator has said */
	RENEWAL_REVOKED, /* revoked, or deactivated with nothing in its place */
	RENEWAL_ASKED, /* an operator wants it now; of the queue only */
	RENEWAL_RULE__MAX
};

#define RENEWAL_SHORT_LIFE ((int64_t)10 * 86400)

/* What it is decided by. */
struct renewal_facts {
	bool has_certificate;
	bool is_lost; /* it serves nobody, and nothing stands in its place */
	int64_t not_before, not_after;
	int64_t window_start, window_end; /* 0: the CA has not said */
	int64_t chosen; /* a moment in it */
	int64_t part_left; /* thousandths of the lifetime; 0: the rule */
};

struct renewal_due {
	int64_t at;
	int64_t by; /* when it is too late for the rule */
	enum renewal_rule rule;
};

/*
 * The chosen moment of the window, but not later than when half of what the
 * lifetime rule leaves is gone; an operator's part is kept to unless the window
 * is earlier.  `now` is when what is due at once is due.
 */
struct renewal_due renewal_due(const struct renewal_facts *f, int64_t now);

/*
 * "first", "window" and so on; the rule of that word, RENEWAL_RULE__MAX: there
 * is none.
 */
const char *renewal_rule_name(enum renewal_rule rule);
enum renewal_rule renewal_rule_of(const char *word);

/* In words, to follow on "due": "when a third of its lifetime is left". */
const char *renewal_rule_text(enum renewal_rule rule, int64_t lifetime);

#endif
