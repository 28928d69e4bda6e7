#ifndef ACME_SIGNMSG_H
#define ACME_SIGNMSG_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * What acmed-accept and the signing service say to each other on a unix stream
 * socket: frames (sys/frame.h) of at most SIGNMSG_MAX bytes, each one JSON
 * object; a request, its reply, and so on.  Members that are not listed here
 * are an error.
 *
 *   request  {"csr": base64url of the DER, "dns": [text], "ip": [text],
 *             "subject": text, "email": text, "profile": text, "order": text,
 *             "at": seconds, "not_before": seconds, "not_after": seconds}
 *            csr is needed, the rest may be absent
 *   reply    {"chain": [PEM of one certificate, ...]}, the leaf first
 *   refusal  {"kind": err_row name, "type": ACME type, "text": text,
 *             "detail": text}; type and detail may be absent
 */
#define SIGNMSG_MAX ((size_t)64 * 1024)
#define SIGNMSG_NAMES_MAX 100 /* DNS names and addresses together */

/* A certificate that somebody wants signed.  The names decide, not the CSR. */
struct signmsg_request {
	struct buf csr; /* DER */
	struct strv dns; /* lower case */
	struct strv ip; /* as inet_ntop(3) writes them */
	char *subject; /* RFC 4514 text, or NULL for an empty subject */
	char *email; /* of the account, or NULL */
	char *profile; /* or NULL */
	char *order; /* id of the order, or NULL */
	int64_t at; /* when the order was finalized, or 0 */
	int64_t not_before; /* as the client asked, or 0 */
	int64_t not_after; /* the same */
};

/* Makes an empty request; release frees what it holds (NULL-safe). */
void signmsg_request_init(struct signmsg_request *r);
void signmsg_request_release(struct signmsg_request *r);

/*
 * Appends a request to `out`, or reads one (into `r`, made by init; the caller
 * releases it in any case).  Reading gives KIND_INPUT for what is not a
 * request; writing KIND_INPUT when it is larger than a frame.
 */
int signmsg_request_write(
    const struct signmsg_request *r, struct buf *out, struct err *e);
int signmsg_request_read(
    const void *p, size_t len, struct signmsg_request *r, struct err *e);

/* Appends a reply: the PEM chain, or the failure `failed`. */
int signmsg_reply_write(
    const char *chain_pem, size_t len, struct buf *out, struct err *e);
int signmsg_failure_write(
    const struct err *failed, struct buf *out, struct err *e);

/*
 * Reads a reply: appends the chain to `chain_pem` and returns 0, or -1 with the
 * failure that the service reports, or KIND_SYS for what is no reply.
 */
int signmsg_reply_read(
    const void *p, size_t len, struct buf *chain_pem, struct err *e);

/*
 * A client of the service; it keeps its connection from call to call.  The
 * process must have called sig_ignore_pipe.
 */
struct signmsg_client {
	char *path;
	int fd;
};

/* Makes a client of the socket at `path`; connects at the first call. */
void signmsg_client_init(struct signmsg_client *c, const char *path);
void signmsg_client_release(struct signmsg_client *c);

/* What is known after a call. */
enum signmsg_outcome {
	SIGNMSG_NOT_SENT, /* the service never had the request */
	SIGNMSG_UNKNOWN, /* it may have signed; there was no answer */
	SIGNMSG_ANSWERED /* the result is its own */
};

/*
 * Sends `r`, waits for the answer up to `deadline` (clock_mono), appends the
 * chain to `chain_pem`.
 * Returns 0 (then the outcome is SIGNMSG_ANSWERED), or -1:
 *   SIGNMSG_NOT_SENT  KIND_BUSY, or KIND_INPUT (too large): nothing happened
 *   SIGNMSG_UNKNOWN   KIND_BUSY (deadline) or KIND_SYS (connection lost)
 *   SIGNMSG_ANSWERED  the service's own failure: INPUT and DENIED are
 *                     refusals (the type is badCSR unless it says another),
 *                     all other kinds mean that nothing was issued
 */
int signmsg_call(struct signmsg_client *c, const struct signmsg_request *r,
    int64_t deadline, struct buf *chain_pem, enum signmsg_outcome *outcome,
    struct err *e);

#endif
