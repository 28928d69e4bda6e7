#ifndef ADMIN_VISIT_H
#define ADMIN_VISIT_H

#include "admin/caller.h"
#include "http/form.h"
#include "http/route.h"

/* One request, from its route to the response. */
struct admin;
struct js;
struct request;
struct response;

struct visit {
	struct admin *admin;
	const struct request *request;
	struct response *response;
	const struct visit_route *route;
	struct route_parts parts; /* of the path */
	struct caller caller;
	struct form form; /* of the query, and of the body */
	struct js *also; /* what an answer that is a failure has besides */
};

/* What is at a path, behind the prefix. */
struct visit_route {
	const char *path; /* a pattern (http/route.h) */
	unsigned methods; /* enum request_method; GET implies HEAD */
	unsigned scopes; /* all of which are needed */
	/* Fills the response; -1 with the failure. */
	int (*visit)(struct visit *v, struct err *e);
	bool takes_files; /* in its form; all else is text */
};

/* Makes the response `body`, which is freed; returns 0. */
int visit_json(struct visit *v, struct js *body);

/* The same of text/plain, with no newline behind it. */
int visit_text(struct visit *v, const char *text);

/* The number of the event that tells of this request in the log, or null. */
void visit_put_event(const struct visit *v, struct js *object, const char *key);

/* The number in part `i` of the path.  KIND_NOTFOUND when it is none. */
int visit_number(const struct visit *v, size_t i, int64_t *n, struct err *e);

/*
 * The domain in the part of the path that may be anything: by its number, or
 * else by its name, as SNI has it; one that is not in the store has no number.
 * KIND_NOTFOUND.  (visit_config.c)
 */
struct domain;
int visit_domain(struct visit *v, struct domain *d, struct err *e);

/*
 * What gateways read of this name, for an answer that has it: KIND_DENIED
 * without the scope keys, unless ids will do; KIND_NOTFOUND, as visit_domain.
 * NULL on failure; the caller frees.  (visit_config.c)
 */
struct js *visit_config_of(struct visit *v, const char *name, struct err *e);

/*
 * With a parameter "openresty" the Redis gets what serves the name, of whoever
 * may have its key.  What comes of that is logged, and of no matter to the
 * answer; it takes a moment at most.  (visit_redis.c)
 */
void visit_prime(struct visit *v, const char *name);

/*
 * The resources, one function or several for each file visit_*.c.  Method,
 * scopes and form have been checked.
 */

/* visit_whoami.c */
int visit_whoami(struct visit *v, struct err *e);
int visit_whoami_json(struct visit *v, struct err *e);

/* visit_config.c: what gateways read */
int visit_config_domain(struct visit *v, struct err *e);
int visit_config_certificate(struct visit *v, struct err *e);
int visit_config_certificate_via(struct visit *v, struct err *e);

/* visit_zip.c: the same as an archive */
int visit_zip(struct visit *v, struct err *e);
int visit_zip_via(struct visit *v, struct err *e);

/* visit_task.c: what programs do, too */
int visit_task_recents(struct visit *v, struct err *e);
int visit_task_expired(struct visit *v, struct err *e);
int visit_task_queue(struct visit *v, struct err *e);
int visit_task_enable(struct visit *v, struct err *e);
int visit_task_disable(struct visit *v, struct err *e);

/* visit_nginx.c: what nginx servers are told, through the work service */
int visit_nginx_status(struct visit *v, struct err *e);
int visit_nginx_flush(struct visit *v, struct err *e);
int visit_nginx_domain(struct visit *v, struct err *e);
int visit_nginx_certificate(struct visit *v, struct err *e);

/* visit_redis.c: all names into the Redis */
int visit_redis_prime(struct visit *v, struct err *e);

/* visit_order.c: certificates that are ordered, and waited for */
int visit_order_autocert(struct visit *v, struct err *e);
int visit_order_if_needed(struct visit *v, struct err *e);

/* visit_upload.c: takes in what is sent */
int visit_upload_certificate(struct visit *v, struct err *e);
int visit_upload_key(struct visit *v, struct err *e);
int visit_no_account(struct visit *v, struct err *e); /* always 501 */
int visit_upload_ca(struct visit *v, struct err *e);
int visit_upload_chain(struct visit *v, struct err *e);

/* visit_file.c: the last part of the path is the ending of a file's name */
int visit_file_cert(struct visit *v, struct err *e);
int visit_file_chain(struct visit *v, struct err *e);
int visit_file_fullchain(struct visit *v, struct err *e);
int visit_file_privkey(struct visit *v, struct err *e);
int visit_file_chain_via(struct visit *v, struct err *e);
int visit_file_fullchain_via(struct visit *v, struct err *e);
int visit_file_ca(struct visit *v, struct err *e);
int visit_file_ca_chain(struct visit *v, struct err *e);
int visit_file_request(struct visit *v, struct err *e);
int visit_file_key(struct visit *v, struct err *e);

/* visit_parse.c: what is in them */
int visit_parse_certificate(struct visit *v, struct err *e);
int visit_parse_ca(struct visit *v, struct err *e);
int visit_parse_request(struct visit *v, struct err *e);
int visit_parse_key(struct visit *v, struct err *e);

#endif
