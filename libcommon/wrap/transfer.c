#include "wrap/transfer_part.h"

#include <curl/curl.h>

int
transfer_rules(void *c)
{
	CURLcode rc = CURLE_OK;

	TRANSFER_SET(CURLOPT_NOSIGNAL, 1L);
	TRANSFER_SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	TRANSFER_SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	TRANSFER_SET(CURLOPT_HTTP09_ALLOWED, 0L);
	TRANSFER_SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	return rc;
}

void
transfer_add_line(struct curl_slist **fields, const char *text, size_t len)
{
	char *line = xstrndup(text, len);
	struct curl_slist *longer = curl_slist_append(*fields, line);

	free(line);
	if (!longer) { /* only exhaustion */
		fputs("out of memory\n", stderr);
		exit(111);
	}
	*fields = longer;
}

void
transfer_add_field(
    struct curl_slist **fields, const char *name, const char *value)
{
	char *line = xasprintf("%s: %s", name, value);

	transfer_add_line(fields, line, strlen(line));
	free(line);
}

void *
transfer_multi(struct err *e)
{
	CURLM *multi = NULL;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) == 0)
		multi = curl_multi_init();
	if (!multi)
		err_set(e, KIND_SYS, "libcurl cannot start");
	return multi;
}

int
transfer_begin(void *multi, void *c, int rc, struct err *e)
{
	CURLMcode added = CURLM_OK;

	if (!c)
		rc = CURLE_FAILED_INIT;
	if (rc == CURLE_OK)
		added = curl_multi_add_handle(multi, c);
	if (rc == CURLE_OK && added == CURLM_OK)
		return 0;
	err_set(e, KIND_SYS, "libcurl refuses the request");
	return err_detail(e, "%s",
	    rc != CURLE_OK ? curl_easy_strerror((CURLcode)rc)
			   : curl_multi_strerror(added));
}

void
transfer_reap(
    void *multi, void (*fn)(void *arg, void *transfer, int rc), void *arg)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(multi, &left)) != NULL) {
		void *transfer = NULL;
		CURLcode rc = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &transfer);
		fn(arg, transfer, rc);
	}
}
