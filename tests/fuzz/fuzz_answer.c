#include "client/answer.h"
#include "client/field.h"
#include "http/network.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1790000000
#define URL "https://ca.example/dir"
#define KNOWN                                                                  \
	"{\"newNonce\":\"https://ca.example/n\","                              \
	"\"newAccount\":\"https://ca.example/a\","                             \
	"\"newOrder\":\"https://ca.example/o\"}"

/* As a directory: what is written of it is read back to the same. */
static void
try_directory(const char *text, size_t len)
{
	struct directory d, again;
	struct buf once, twice;
	struct err e = {0};

	buf_init(&once, NETWORK_BODY_MAX);
	buf_init(&twice, NETWORK_BODY_MAX);
	if (directory_read(&d, URL, text, len, &e) == 0) {
		assert(directory_owns(&d, directory_url(&d, "newOrder")));
		assert(directory_write(&d, &once) == 0);
		assert(
		    directory_read(&again, URL, once.data, once.len, &e) == 0);
		assert(directory_write(&again, &twice) == 0);
		assert(strcmp(once.data, twice.data) == 0);
		directory_release(&again);
	} else {
		assert(err_is_set(&e));
	}
	directory_release(&d);
	buf_release(&once);
	buf_release(&twice);
}

static void
try_answer(const struct network_reply *r, enum endpoint endpoint,
    const struct directory *d)
{
	struct answer a;

	answer_read(&a, r, endpoint, d, NOW);
	assert(err_is_set(&a.err) == (a.reply.cause != CAUSE_NONE));
	assert(!a.reply.location || directory_owns(d, a.reply.location));
	assert(a.alternates.len <= FIELD_LINKS_MAX);
	for (size_t i = 0; i < a.alternates.len; i++)
		assert(directory_owns(d, a.alternates.v[i]));
	assert(a.reply.retry_at == 0 ||
	    (a.reply.retry_at >= NOW &&
		a.reply.retry_at <= NOW + FIELD_RETRY_MAX));
	answer_release(&a);
}

/* The next line; NULL for an empty one. */
static const char *
take_line(char **p)
{
	char *line = *p, *end = strchr(line, '\n');

	*p = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return *line ? line : NULL;
}

/*
 * A byte that says the endpoint, then lines: status, Location, Link,
 * Retry-After, Date, Content-Type, and the body.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size), *p = text;
	struct network_reply r = {0};
	struct directory d;
	struct err e = {0};
	enum endpoint endpoint = ENDPOINT_DIRECTORY;
	const char *status;

	if (*p)
		endpoint = (enum endpoint)((unsigned char)*p++ % ENDPOINT__MAX);
	status = take_line(&p);
	r.status = status ? (int)strtol(status, NULL, 10) % 1000 : 0;
	r.location = take_line(&p);
	r.links = take_line(&p);
	r.retry_after = take_line(&p);
	r.date = take_line(&p);
	r.content_type = take_line(&p);
	r.body = p;
	r.len = strlen(p);
	assert(directory_read(&d, URL, KNOWN, strlen(KNOWN), &e) == 0);
	try_answer(&r, endpoint, &d);
	try_directory(r.body, r.len);
	directory_release(&d);
	free(text);
	return 0;
}
