#include "http/route.h"

#include "http/request.h"
#include "http/response.h"

/* Ids hold base64url, and the types of challenges. */
size_t
route_id_span(const char *p)
{
	return strspn(p,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-_");
}

bool
route_matches(const char *pattern, const char *path, struct route_parts *out)
{
	size_t ids = 0, n;

	*out = (struct route_parts){0};
	for (; *pattern; pattern++) {
		if (*pattern != '*' && *pattern != '+') {
			if (*path++ != *pattern)
				return false;
			continue;
		}
		n = *pattern == '+' ? strcspn(path, "/") : route_id_span(path);
		if (n == 0 || (*pattern == '*' && n >= ROUTE_ID_SIZE))
			return false;
		if (*pattern == '+') {
			out->rest = path;
			out->rest_len = n;
		} else {
			memcpy(out->id[ids], path, n);
			out->id[ids++][n] = '\0';
		}
		path += n;
	}
	return *path == '\0';
}

int
route_check_method(unsigned methods, const struct request *req,
    struct response *res, struct err *e)
{
	unsigned method = req->method;
	bool get = methods & REQUEST_GET, post = methods & REQUEST_POST;

	if (method == REQUEST_HEAD)
		method = REQUEST_GET;
	if (method & methods)
		return 0;
	response_field(res, "Allow", "%s%s%s", get ? "GET, HEAD" : "",
	    get && post ? ", " : "", post ? "POST" : "");
	return err_http(
	    e, KIND_INPUT, 405, "%.20s is not for this URL", req->method_name);
}
