#include "wrap/keyfile.h"

#include "sys/file.h"

#define KEYFILE_MAX ((size_t)256 * 1024)

struct key *
keyfile_read(const char *path, struct err *e)
{
	struct buf pem;
	struct key *k = NULL;

	buf_init(&pem, KEYFILE_MAX);
	if (file_read_secret(path, &pem, e) == 0 &&
	    (k = key_from_pem(pem.data, pem.len, e)) == NULL)
		err_object(e, "%s", path);
	buf_wipe(&pem);
	return k;
}

struct key *
keyfile_ensure(const char *path, enum key_type type, int bits, struct err *e)
{
	struct buf pem;
	struct key *k;

	if (file_exists(path))
		return keyfile_read(path, e);
	if ((k = key_generate(type, bits, e)) == NULL)
		return NULL;
	buf_init(&pem, KEYFILE_MAX);
	if (key_to_pem(k, &pem, e) == -1 ||
	    file_create(path, 0600, pem.data, pem.len, e) == -1) {
		key_free(k);
		k = NULL;
	}
	buf_wipe(&pem);
	return k;
}
