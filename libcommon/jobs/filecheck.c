#include "jobs/filecheck.h"

#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"
#include "server/nonce.h"
#include "server/server.h"
#include "store/rekey.h"
#include "sys/file.h"

#define SECRET_MAX ((size_t)1024 * 1024)

/* Takes the line. */
static void
add(struct strv *problems, char *line)
{
	strv_add(problems, line);
	free(line);
}

static void
check_secret(const char *path, struct strv *problems)
{
	struct err e = {0};
	struct buf content;
	char text[1024];

	buf_init(&content, SECRET_MAX);
	if (file_read_secret(path, &content, &e) < 0 &&
	    e.kind != KIND_NOTFOUND) {
		err_format(&e, text, sizeof(text));
		strv_add(problems, text);
	}
	buf_wipe(&content);
}

/* Its files are safe only from who cannot put others in their place. */
static void
check_directory(const char *path, struct strv *problems)
{
	struct stat info;

	if (stat(path, &info) == 0 && (info.st_mode & (S_IWGRP | S_IWOTH)))
		add(problems,
		    xasprintf("%s: mode %04o: others than its owner can "
			      "replace what is in it",
			path, (unsigned)(info.st_mode & 07777)));
}

/* The CA may be elsewhere: with another backend, or on another machine. */
static void
check_ca(const char *directory, struct strv *problems)
{
	static const char *const keys[] = {"root.key", "intermediate.key"};

	check_directory(directory, problems);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		char *path = xasprintf("%s/%s", directory, keys[i]);

		check_secret(path, problems);
		free(path);
	}
}

static void
check_left(const char *path, struct strv *problems)
{
	struct strv names = {0};

	file_left(path, &names);
	for (size_t i = 0; i < names.len; i++)
		add(problems,
		    xasprintf("%s: beside it lies %s, left by a process that "
			      "was killed",
			path, names.v[i]));
	strv_release(&names);
}

/* Until it is done, a part of the store may be under the one key or the other.
 */
static void
check_sealing(const char *path, struct strv *problems)
{
	char *next;

	if (!path)
		return;
	next = rekey_next_path(path);
	if (file_exists(next))
		add(problems,
		    xasprintf("%s: acmed-store rekey has not come to its end; "
			      "unless it is running, run it again",
			next));
	check_secret(path, problems);
	check_secret(next, problems);
	check_left(path, problems);
	check_left(next, problems);
	free(next);
}

static void
check_nonces(const struct conf *conf, struct strv *problems)
{
	struct err ignored = {0};
	char *path = server_nonce_file(conf, &ignored);

	if (!path)
		return;
	if (!nonce_is_whole(path))
		add(problems, xasprintf("%s: not whole", path));
	check_left(path, problems);
	free(path);
}

void
filecheck_run(const struct conf *conf, struct strv *problems)
{
	const struct conf_server *s = &conf->server;

	check_sealing(conf->store.certificate_key_file, problems);
	check_sealing(conf->store.account_key_file, problems);
	check_sealing(conf->store.eab_key_file, problems);
	if (s->tls_private_key)
		check_secret(s->tls_private_key, problems);
	if (strcmp(conf->signer.backend, "local") == 0)
		check_ca(conf->local_ca.directory, problems);
	check_nonces(conf, problems);
	if (s->tls_certificate)
		check_left(s->tls_certificate, problems);
	if (s->tls_private_key)
		check_left(s->tls_private_key, problems);
}
