#ifndef VALIDATE_HTTP01_H
#define VALIDATE_HTTP01_H

#include "base/err.h"

/*
 * The http-01 challenge (RFC 8555 8.3): the judgements that need no network.
 * The machine is http01_machine in validate/attempt.h.
 */
struct attempt_tools;
struct identifier;
struct web_response;
struct web_url;

#define HTTP01_SHOWN_MAX 64 /* bytes of a wrong body in an error text */

/*
 * Whether a body is the key authorization; white space behind it is ignored,
 * and the time does not depend on where they differ.
 */
bool http01_body_is(const char *body, size_t len, const char *keyauth);

/* What a request ended with. */
enum http01_verdict {
	HTTP01_GOOD,
	HTTP01_BAD,
	HTTP01_REDIRECT
};

/*
 * Judges an answer with status and body.  For HTTP01_BAD `e` has type
 * unauthorized (status) or incorrectResponse (body); the body is quoted only
 * with `may_quote`, at most HTTP01_SHOWN_MAX bytes, printable.
 */
enum http01_verdict http01_judge(const struct web_response *r,
    const char *keyauth, bool may_quote, struct err *e);

/*
 * Checks where a redirect leads, and maps the standard ports to those of the
 * configuration: http or https, no user name, port 80 or 443, a host name (or
 * the identifier's own address), and with redirect_same_host the identifier.
 * KIND_INPUT of type unauthorized.
 */
int http01_redirect(const char *location, const struct identifier *identifier,
    const struct attempt_tools *tools, struct web_url *next, struct err *e);

#endif
