#ifndef ACME_WORKMSG_H
#define ACME_WORKMSG_H

#include "base/buf.h"
#include "base/err.h"

/*
 * What acmed-admin and its service `acmed-admin work` say to each other on a
 * unix stream socket: one request, its reply, and the end.
 *
 *   request  words, a blank between two, and a newline:
 *              nginx status
 *              nginx expire all
 *              nginx expire NAME ...
 *              order NAME
 *            NAME is as the store has it: lower case, A-labels
 *   reply    CODE BYTES TEXT, a newline, and so many bytes: the exit code of
 *            the program that does this, what it wrote on its standard output,
 *            and why, when that is known.  100: no request; 101: it wrote too
 *            much; 111: it could not be started, did not end in time, or was
 *            told to stop.
 */
#define WORKMSG_REQUEST_MAX ((size_t)300 * 1024)
#define WORKMSG_OUTPUT_MAX ((size_t)960 * 1024) /* fits into a response */
#define WORKMSG_TEXT_SIZE 320

struct workmsg_reply {
	int code;
	char text[WORKMSG_TEXT_SIZE]; /* printable ASCII, or "" */
	struct buf output;
	bool is_sent; /* the service has the request, and may go on with it */
};

void workmsg_reply_init(struct workmsg_reply *r);
void workmsg_reply_release(struct workmsg_reply *r);

/*
 * Connects to the service at `path`, never waiting: a descriptor, which the
 * caller closes; -1: KIND_BUSY when nobody listens, KIND_SYS.
 */
int workmsg_open(const char *path, struct err *e);

/*
 * Asks it there, without the newline; the second waits for the reply.  The
 * process must have called sig_ignore_pipe.  `deadline` is of clock_mono.
 * Returns 0, whatever the code of the reply; -1: KIND_BUSY when the deadline
 * has passed, KIND_SYS.
 */
int workmsg_send(int fd, const char *request, int64_t deadline,
    struct workmsg_reply *r, struct err *e);
int workmsg_receive(
    int fd, int64_t deadline, struct workmsg_reply *r, struct err *e);

/* All of it. */
int workmsg_call(const char *path, const char *request, int64_t deadline,
    struct workmsg_reply *r, struct err *e);

/* ---- in the service ------------------------------------------------------ */

/*
 * Reads a request into `out`, made for WORKMSG_REQUEST_MAX bytes, without its
 * newline.  -1: KIND_INPUT for what is none, KIND_BUSY, KIND_SYS.
 */
int workmsg_read(int fd, int64_t deadline, struct buf *out, struct err *e);

/* Writes the reply; `is_sent` is of no matter. */
int workmsg_write(
    int fd, const struct workmsg_reply *r, int64_t deadline, struct err *e);

#endif
