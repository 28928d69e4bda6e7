#include "http/form.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct form *f)
{
	assert(f->len <= FORM_FIELDS_MAX);
	for (size_t i = 0; i < f->len; i++) {
		const struct form_field *field = &f->fields[i];
		const char *text = form_text(f, field->name);

		assert(field->name[0] != '\0');
		assert(field->value[field->len] == '\0');
		assert(form_field(f, field->name) == field);
		assert(!text || (text == field->value && *text != '\0'));
	}
}

static void
try(const char *type, const void *data, size_t size)
{
	struct form f = {0};
	struct err e = {0};
	struct buf body;
	int rc;

	buf_init(&body, size + 1);
	buf_add(&body, data, size);
	rc = form_read(&f, type, &body, &e);
	assert((rc == 0) == !err_is_set(&e));
	check(&f);
	form_release(&f);
	buf_release(&body);
}

/*
 * Any bytes as a body: of a query, and of two kinds of multipart; and as the
 * type of a body.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *type = xstrndup((const char *)data, size);

	try(NULL, data, size);
	try("multipart/form-data; boundary=x", data, size);
	try(type, data, size);
	free(type);
	return 0;
}
