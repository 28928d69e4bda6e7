#include "http/request.h"

#include <assert.h>

#include "../unit/oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Any bytes as the head of a request.  What is accepted must be as strict as
 * the contract says, and must not depend on how the bytes arrive.
 */
static void
check(const struct request *r)
{
	assert(r->path[0] == '/' || strcmp(r->path, "*") == 0);
	assert(strlen(r->method_name) > 0);
	assert(r->fields_len <= REQUEST_FIELDS_MAX);
	assert(r->has_length || r->content_length == 0);
	for (size_t i = 0; i < r->fields_len; i++) {
		const struct request_field *f = &r->fields[i];

		assert(f->name[0] != '\0' && !strpbrk(f->name, " \t:\r\n"));
		assert(!strpbrk(f->value, "\r\n"));
		assert(strcmp(f->name, "transfer-encoding") != 0);
	}
}

/* Requests on a connection, and llhttp's opinion of them. */
static void
check_framing(const char *data, size_t size)
{
#if ORACLE
	struct oracle ours, theirs;
	const char *wrong;

	oracle_ours(data, size, SIZE_MAX, &ours);
	oracle_theirs(data, size, &theirs);
	wrong = oracle_differ(&ours, &theirs);
	if (wrong)
		fprintf(stderr, "%s (llhttp: %s)\n", wrong, theirs.why);
	assert(!wrong);
	oracle_release(&ours);
	oracle_release(&theirs);
#else
	(void)data;
	(void)size;
#endif
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct err e = {0}, again = {0};
	size_t seen = 0, slow = 0;
	ssize_t end = request_head_end(text, size, &seen, &e), other = 0;
	struct request r = {0};

	for (size_t len = 0; len <= size && other == 0; len++)
		other = request_head_end(text, len, &slow, &again);
	assert((end < 0) == (other < 0));
	assert(end < 0 || end == other);
	if (end > 0) {
		if (request_parse(text, (size_t)end, &r, &e) == 0)
			check(&r);
		else
			assert(e.http_status >= 400);
	}
	request_release(&r);
	check_framing(text, size);
	return 0;
}
