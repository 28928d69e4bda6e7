#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/base.h"

/*
 * A failure as a value.  A function that can fail takes a struct err and
 * returns 0 or -1 (NULL for pointers); whoever set the error first, and so
 * most specifically, wins.  Nothing here allocates.
 *
 * The text is for whoever caused the failure: the ACME client may see it when
 * the kind's row says so.  The detail (paths, errno, a library's reason) is
 * for the operator only.  Neither ever holds a secret.  Both are printable
 * ASCII: any other byte that is put in becomes a question mark.
 */

/* A kind exists if and only if one column of its row differs. */
enum err_kind {
	KIND_NONE,
	KIND_USAGE, /* wrong use of a program */
	KIND_INPUT, /* bad input; the caller must change it */
	KIND_DENIED, /* well-formed, but not allowed */
	KIND_NOTFOUND, /* the object does not exist */
	KIND_CONFLICT, /* the object is not in a state that allows this */
	KIND_BUSY, /* try again later */
	KIND_CONF, /* the configuration is wrong */
	KIND_SYS, /* the operating system, disk or a peer failed */
	KIND_BUG, /* cannot happen */
	KIND__MAX
};

/* What a kind means outside: the one table from cause to effect. */
struct err_row {
	const char *name;
	int exit_code; /* 0 1 100 101 102 111 */
	int http_status;
	const char *acme_type; /* after urn:ietf:params:acme:error: */
	bool text_is_public; /* may the peer read err.text? */
	int log_level; /* enum log_level */
};

struct err {
	enum err_kind kind;
	int errnum; /* errno, or 0 */
	int http_status; /* overrides the kind's, or 0 */
	int retry_after; /* seconds, or 0 */
	const char *acme_type; /* static string that overrides, or NULL */
	char text[320];
	char detail[480];
};

/* Makes `e` empty. */
void err_clear(struct err *e);

/* Whether a failure is recorded in `e`. */
bool err_is_set(const struct err *e);

/*
 * Each sets `e` unless it is set already (then nothing changes) and returns
 * -1, so that `return err_set(...)` is the idiom.  `e` must not be NULL.
 *   err_set   text, by kind
 *   err_acme  text, by kind, with a sharper ACME type (a static string)
 *   err_http  text, by kind, with another HTTP status
 *   err_sys   KIND_SYS with the errno of the moment; the text is operator-only
 */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
int err_acme(struct err *e, enum err_kind kind, const char *acme_type,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
int err_http(struct err *e, enum err_kind kind, int status, const char *fmt,
    ...) PRINTF_LIKE(4, 5);
int err_sys(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * For a failure that is none where it happens, such as that something is not
 * there: if `e` is of this kind it is cleared, and the result is 0; else -1.
 */
int err_forgive(struct err *e, enum err_kind kind);

/* Adds operator-only detail to a set error; a second call is ignored. */
int err_detail(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Puts "<object>: " in front of the text: the name of what was wrong. */
int err_object(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * The -1 stands in the caller's sight, so that a compiler or analyser that
 * follows paths knows that `if (f(e) == -1)` is taken after `return err_set()`.
 */
static inline int
err_failed(int minus_one)
{
	(void)minus_one;
	return -1;
}

#define err_set(...) err_failed(err_set(__VA_ARGS__))
#define err_acme(...) err_failed(err_acme(__VA_ARGS__))
#define err_http(...) err_failed(err_http(__VA_ARGS__))
#define err_sys(...) err_failed(err_sys(__VA_ARGS__))
#define err_detail(...) err_failed(err_detail(__VA_ARGS__))
#define err_object(...) err_failed(err_object(__VA_ARGS__))

/* The row of a kind. */
const struct err_row *err_row(enum err_kind kind);

/* The exit code for `e`; 0 when it is not set. */
int err_exit(const struct err *e);

/* Text, detail and errno in one line for the operator, into `out`. */
void err_format(const struct err *e, char *out, size_t size);

#endif
