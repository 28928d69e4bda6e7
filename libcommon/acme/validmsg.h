#ifndef ACME_VALIDMSG_H
#define ACME_VALIDMSG_H

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "store/challenge.h"

/*
 * What the two processes of acme-validate say to each other: the one with the
 * store gives tasks, the one with the network gives results.  Frames
 * (sys/frame.h) of at most VALIDMSG_MAX bytes, each one JSON object; members
 * that are not listed here are an error.
 *
 *   task    {"id": number, "type": "http-01", "identifier_type": "dns",
 *            "identifier": text, "token": text, "thumbprint": text,
 *            "log_id": text}
 *   result  {"id": number, "valid": bool, "address": text, "type": ACME type,
 *            "text": text, "final": bool}
 *            address is absent when nothing was connected to, the last three
 *            when the challenge is fulfilled
 *   ready   {"id": 0, "valid": false}: the process with the network is set up
 */
#define VALIDMSG_MAX ((size_t)4096)

struct validmsg_task {
	int64_t id; /* of the challenge, above 0 */
	enum challenge_type type;
	struct identifier identifier; /* without "*." */
	char token[CHALLENGE_TOKEN_LEN + 1];
	char thumbprint[ACCOUNT_THUMBPRINT_LEN + 1];
	char log_id[LOG_ID_SIZE];
};

struct validmsg_result {
	int64_t id; /* 0: ready */
	bool is_valid;
	bool is_final; /* another attempt would end the same way */
	char address[64]; /* "" when nothing was connected to */
	struct err err; /* why it is not valid: a kind whose text is public */
};

/* Frees the identifier. NULL-safe. */
void validmsg_task_release(struct validmsg_task *t);

/*
 * Each appends a message to `out`, which has room for VALIDMSG_MAX bytes.
 */
int validmsg_task_write(
    const struct validmsg_task *t, struct buf *out, struct err *e);
int validmsg_result_write(
    const struct validmsg_result *r, struct buf *out, struct err *e);

/*
 * Each reads a message, into a struct that need not be initialised and must be
 * released (a task) in any case.  KIND_INPUT for what is none.  The type of a
 * result is one of those an ACME client may see after a validation, its text
 * printable, whatever the other process wrote.
 */
int validmsg_task_read(
    const void *p, size_t len, struct validmsg_task *t, struct err *e);
int validmsg_result_read(
    const void *p, size_t len, struct validmsg_result *r, struct err *e);

#endif
