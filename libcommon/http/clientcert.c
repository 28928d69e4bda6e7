#include "http/clientcert.h"

#include "base/b64.h"
#include "http/percent.h"
#include "http/request.h"
#include "wrap/cert.h"

/* A byte sequence (RFC 8941 3.3.5), of which an empty one is no certificate. */
static int
parse_bytes(const char *value, struct cert **c, struct err *e)
{
	size_t len = strlen(value);
	struct buf der;
	bool good;

	buf_init(&der, REQUEST_HEAD_MAX);
	good = len >= 2 && value[0] == ':' && value[len - 1] == ':' &&
	    b64_decode(&der, value + 1, len - 2) == 0;
	if (!good)
		err_set(e, KIND_INPUT, "not base64 between colons");
	else if (der.len > 0)
		*c = cert_from_der(der.data, der.len, e);
	buf_release(&der);
	return err_is_set(e) ? -1 : 0;
}

static int
parse_escaped(const char *value, struct cert **c, struct err *e)
{
	char *pem = xstrdup(value);
	ssize_t len = percent_decode(pem, strlen(pem));

	if (len < 0)
		err_set(e, KIND_INPUT, "not percent-encoded");
	else
		*c = cert_from_any(pem, (size_t)len, e);
	free(pem);
	return *c ? 0 : -1;
}

static const struct {
	const char *name;
	int (*parse)(const char *value, struct cert **c, struct err *e);
} fields[] = {
    {"client-cert", parse_bytes},
    {"x-ssl-client-cert", parse_escaped},
};

bool
clientcert_is_there(const struct request *req)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (request_count(req, fields[i].name) > 0)
			return true;
	return false;
}

int
clientcert_parse(
    const char *field, const char *value, struct cert **c, struct err *e)
{
	*c = NULL;
	if (value[0] == '\0')
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (strcmp(fields[i].name, field) == 0)
			return fields[i].parse(value, c, e) < 0
			    ? err_object(e, "%s", field)
			    : 0;
	return err_set(e, KIND_BUG, "%s has no client certificate", field);
}

/* What else there is may be the client's word, and not the front's. */
static int
refuse_others(const struct request *req, const char *field, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *name = fields[i].name;

		if (strcmp(name, field) != 0 && request_count(req, name) > 0)
			return err_set(e, KIND_INPUT,
			    "%s is not the field of this front, which must "
			    "remove it",
			    name);
	}
	return request_count(req, field) > 1
	    ? err_set(e, KIND_INPUT,
		  "%s stands twice: the front must overwrite it", field)
	    : 0;
}

int
clientcert_read(const struct request *req, const char *field, struct cert **c,
    struct err *e)
{
	const char *value = request_field(req, field);

	*c = NULL;
	if (refuse_others(req, field, e) < 0)
		return -1;
	return value ? clientcert_parse(field, value, c, e) : 0;
}
