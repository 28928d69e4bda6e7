#include "cli/secret.h"

#include <fcntl.h>

#include "sys/fd.h"
#include "sys/file.h"
#include "wrap/seal.h"

void
secret_watch(struct secret_watch *w, const char *path)
{
	*w = (struct secret_watch){.path = path};
	if (path && stat(path, &w->seen) < 0)
		w->path = NULL; /* who reads it says why */
}

bool
secret_has_changed(const struct secret_watch *w)
{
	struct stat now;

	return w->path && stat(w->path, &now) == 0 &&
	    !file_is_same(&now, &w->seen);
}

static int
read_password(const char *file, struct buf *out, struct err *e)
{
	struct err why = {0};

	if (file_read_configured(file, out, &why) == 0)
		return 0;
	if (why.kind == KIND_NOTFOUND)
		return err_set(e, KIND_CONF, "%s", why.text);
	*e = why;
	return -1;
}

int
secret_password(const char *file, int fd, struct buf *out, struct err *e)
{
	int rc = 0;

	if (file)
		rc = read_password(file, out, e);
	else if (fd >= 0 && fcntl(fd, F_GETFD) < 0)
		rc = err_set(e, KIND_USAGE, "descriptor %d is not open", fd);
	else if (fd >= 0)
		rc = fd_read_all(fd, out, FD_FOREVER, e);
	if (rc == 0 && strlen(out->data) != out->len)
		rc = err_set(e, KIND_INPUT, "%s: a NUL byte in a secret",
		    file ? file : "the descriptor");
	if (rc == 0 && out->len > 0)
		out->data[out->len = strcspn(out->data, "\r\n")] = '\0';
	return rc;
}

int
secret_seal_key(const char *setting, const char *path, struct seal_key *room,
    const struct seal_key **seal, struct err *e)
{
	struct err why = {0};

	*seal = NULL;
	if (!path)
		return 0;
	if (seal_key_read(path, room, &why) == 0) {
		*seal = room;
		return 0;
	}
	if (why.kind == KIND_NOTFOUND)
		return err_set(e, KIND_CONF,
		    "[store] %s: %s; run acmed-store init", setting, why.text);
	*e = why;
	return -1;
}
