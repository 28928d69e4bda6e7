#include "http/host.h"

#include "base/str.h"
#include "http/request.h"

int
host_read(const struct request *req, char out[HOST_SIZE], struct err *e)
{
	static const char of_names[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz"
				       "0123456789.-_";
	const char *text =
	    req->authority ? req->authority : request_field(req, "host");
	size_t len = 0;

	if (text && text[0] == '[') {
		len = 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
		len = text[len] == ']' ? len + 1 : 0;
	} else if (text) {
		len = strspn(text, of_names);
	}
	if (len == 0 || len >= HOST_SIZE ||
	    (text[len] != '\0' && text[len] != ':') ||
	    (text[len] == ':' &&
		text[len + 1 + strspn(text + len + 1, "0123456789")] != '\0'))
		return err_set(e, KIND_INPUT, "HTTP: the host is no name");
	memcpy(out, text, len);
	out[len] = '\0';
	str_lower(out);
	return 0;
}
