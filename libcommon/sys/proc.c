#include "sys/proc.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

const struct passwd *
proc_user(const char *name, struct err *e)
{
	const struct passwd *pw = getpwnam(name);

	if (!pw)
		err_set(e, KIND_CONF, "user %s: no such user", name);
	return pw;
}

int
proc_uid(const char *user, int64_t *uid, struct err *e)
{
	const struct passwd *pw = proc_user(user, e);

	if (!pw)
		return -1;
	*uid = pw->pw_uid;
	return 0;
}

int
proc_drop(const char *user, struct err *e)
{
	const struct passwd *pw;

	if (!user || *user == '\0')
		return 0;
	pw = proc_user(user, e);
	if (!pw)
		return -1;
	if (geteuid() == pw->pw_uid && geteuid() != 0)
		return 0;
	if (geteuid() != 0)
		return err_set(e, KIND_CONF,
		    "user %s: only root can become another user", user);
	if (initgroups(user, pw->pw_gid) < 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
		return err_sys(e, "user %s: cannot become it", user);
	if (pw->pw_uid != 0 && (setuid(0) == 0 || setgid(0) == 0))
		return err_set(e, KIND_BUG, "user %s: root came back", user);
	return 0;
}

int
proc_harden(bool secret, struct err *e)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_sys(e, "cannot forbid core files");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "cannot set no_new_privs");
	if (secret && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(e, "cannot make the process undumpable");
	return 0;
}
