#include "sys/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

/* What the headers of Debian 12 lack; its values are the kernel's for ever. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0)
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#endif
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif
#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT 2

/* struct landlock_ruleset_attr and landlock_net_port_attr, as of ABI 6. */
struct ruleset_attr {
	uint64_t files, tcp, scope;
};
struct port_attr {
	uint64_t allowed, port;
};

#define MIB ((uint64_t)1024 * 1024)

/* Rights that make sense on a file; the others are of directories. */
#define READ LANDLOCK_ACCESS_FS_READ_FILE
#define UPDATE                                                                 \
	(READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define OF_FILES                                                               \
	(UPDATE | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_IOCTL_DEV)

/* On directories: to be opened for fsync; to have a file replaced. */
#define LIST LANDLOCK_ACCESS_FS_READ_DIR
#define REPLACE                                                                \
	(LIST | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
	    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)

/*
 * A store that is open needs no file: the engine only syncs the directory.  No
 * row limits the size of files: the log on descriptor 2 may be one, of any
 * size, and a write beyond the limit kills.
 */
static const struct sandbox_row rows[] = {
    [SANDBOX_ACCEPT] = {.name = "accept",
	.rights = {[SANDBOX_DEVICES] = READ, [SANDBOX_STORE_DIRECTORY] = LIST},
	.descriptors = 64,
	.memory = 512 * MIB},
    [SANDBOX_ACCEPT_MASTER] = {.name = "accept.master",
	.rights = {[SANDBOX_DEVICES] = READ,
	    [SANDBOX_STORE_DIRECTORY] = REPLACE | READ,
	    [SANDBOX_STORE_FILES] = READ,
	    [SANDBOX_NONCE_DIRECTORY] = REPLACE | READ,
	    [SANDBOX_BLOCKLIST_DIRECTORY] = READ,
	    [SANDBOX_TLS_DIRECTORY] = READ},
	.opens_store = true,
	.spawns = true},
    [SANDBOX_CHALLENGE] = {.name = "challenge",
	.rights = {[SANDBOX_DEVICES] = READ, [SANDBOX_STORE_DIRECTORY] = LIST},
	.descriptors = 64,
	.memory = 512 * MIB},
    [SANDBOX_CHALLENGE_MASTER] = {.name = "challenge.master",
	.rights = {[SANDBOX_DEVICES] = READ,
	    [SANDBOX_STORE_DIRECTORY] = REPLACE | READ,
	    [SANDBOX_STORE_FILES] = READ},
	.opens_store = true,
	.spawns = true},
    [SANDBOX_STATELESS] = {.name = "stateless",
	.rights = {[SANDBOX_DEVICES] = READ},
	.descriptors = 64,
	.memory = 512 * MIB},
    [SANDBOX_STATELESS_MASTER] = {.name = "stateless.master",
	.rights = {[SANDBOX_DEVICES] = READ},
	.spawns = true},
    /* It connects to its Redis when that is needed. */
    [SANDBOX_ADMIN] = {.name = "admin",
	.rights = {[SANDBOX_DEVICES] = READ,
	    [SANDBOX_STORE_DIRECTORY] = LIST,
	    [SANDBOX_RESOLVER_FILES] = READ},
	.connects = true,
	.descriptors = 64,
	.memory = 512 * MIB},
    [SANDBOX_ADMIN_MASTER] = {.name = "admin.master",
	.rights = {[SANDBOX_DEVICES] = READ,
	    [SANDBOX_STORE_DIRECTORY] = REPLACE | READ,
	    [SANDBOX_STORE_FILES] = READ,
	    [SANDBOX_RESOLVER_FILES] = READ},
	.connects = true,
	.opens_store = true,
	.spawns = true},
    /*
     * Opens the store anew after it has started the process with the network,
     * whenever that is, and has for that one what it opens when it starts.
     */
    [SANDBOX_VALIDATE_STORE] = {.name = "validate.store",
	.rights = {[SANDBOX_DEVICES] = UPDATE,
	    [SANDBOX_STORE_DIRECTORY] = REPLACE | READ,
	    [SANDBOX_STORE_FILES] = READ,
	    [SANDBOX_RESOLVER_FILES] = READ},
	.connects = true,
	.opens_store = true,
	.spawns = true,
	.memory = 2047 * MIB},
    [SANDBOX_VALIDATE_NETWORK] = {.name = "validate.network",
	.rights = {[SANDBOX_DEVICES] = READ},
	.connects = true,
	.spawns = true, /* libunbound's thread */
	.memory = 2047 * MIB},
    [SANDBOX_SIGN_SERVICE] = {.name = "sign.service",
	.rights = {[SANDBOX_DEVICES] = READ},
	.descriptors = 512,
	.memory = 512 * MIB},
    [SANDBOX_SIGN_FILTER] = {.name = "sign.filter",
	.rights = {[SANDBOX_DEVICES] = READ, [SANDBOX_STORE_DIRECTORY] = LIST},
	.descriptors = 64,
	.memory = 512 * MIB},
    [SANDBOX_SIGN_CRL] = {.name = "sign.crl",
	.rights = {[SANDBOX_DEVICES] = READ,
	    [SANDBOX_STORE_DIRECTORY] = LIST,
	    [SANDBOX_CRL_FILE] = READ,
	    [SANDBOX_CRL_DIRECTORY] = REPLACE},
	.descriptors = 64},
    [SANDBOX_SIGN_SWEEP] = {.name = "sign.sweep",
	.rights = {[SANDBOX_DEVICES] = READ, [SANDBOX_STORE_DIRECTORY] = LIST},
	.descriptors = 64,
	.memory = 512 * MIB},
    [SANDBOX_STORE_USER] = {.name = "store",
	.rights = {[SANDBOX_DEVICES] = READ, [SANDBOX_STORE_DIRECTORY] = LIST},
	.descriptors = 64},
    [SANDBOX_STORE_BACKUP] = {.name = "store.backup",
	.rights = {[SANDBOX_DEVICES] = READ,
	    [SANDBOX_STORE_DIRECTORY] = LIST,
	    [SANDBOX_BACKUP_DIRECTORY] = REPLACE | READ},
	.descriptors = 64},
    [SANDBOX_EXPORT_FILE] = {.name = "export.file",
	.rights = {[SANDBOX_DEVICES] = READ,
	    [SANDBOX_STORE_DIRECTORY] = LIST,
	    [SANDBOX_OUTPUT_DIRECTORY] = REPLACE},
	.descriptors = 64},
    [SANDBOX_EXPORT_TREE] = {.name = "export.tree",
	.rights = {[SANDBOX_DEVICES] = READ,
	    [SANDBOX_STORE_DIRECTORY] = LIST,
	    [SANDBOX_OUTPUT_TREE] = REPLACE | READ |
		LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SYM |
		LANDLOCK_ACCESS_FS_REMOVE_DIR},
	.descriptors = 64},
    [SANDBOX_IMPORT] = {.name = "import",
	.rights = {[SANDBOX_DEVICES] = READ,
	    [SANDBOX_STORE_DIRECTORY] = LIST,
	    [SANDBOX_OPERANDS] = LIST | READ},
	.descriptors = 64},
    [SANDBOX_FETCH] = {.name = "fetch",
	.rights = {[SANDBOX_DEVICES] = READ, [SANDBOX_RESOLVER_FILES] = READ},
	.connects = true,
	.spawns = true, /* libcurl's resolver */
	.descriptors = 64,
	.memory = 2047 * MIB},
    [SANDBOX_PROVE] = {.name = "prove",
	.rights = {[SANDBOX_DEVICES] = READ, [SANDBOX_RESOLVER_FILES] = READ},
	.connects = true,
	.descriptors = 64,
	.memory = 512 * MIB},
    /* Whom it trusts is read when a connection is made. */
    [SANDBOX_CLIENT_NETWORK] = {.name = "client.network",
	.rights = {[SANDBOX_DEVICES] = READ,
	    [SANDBOX_RESOLVER_FILES] = READ,
	    [SANDBOX_OPERANDS] = READ},
	.connects = true,
	.spawns = true, /* libcurl's resolver */
	.descriptors = 1024,
	.memory = 2047 * MIB},
    /* Its solvers may be many, a socket each. */
    [SANDBOX_CLIENT_ORDER] = {.name = "client.order",
	.rights = {[SANDBOX_DEVICES] = READ,
	    [SANDBOX_STORE_DIRECTORY] = LIST,
	    [SANDBOX_SOLVER_TREES] =
		REPLACE | READ | LANDLOCK_ACCESS_FS_MAKE_DIR},
	.descriptors = 512},
};
_Static_assert(ARRAY_LEN(rows) == SANDBOX__MAX, "a row per role");

const struct sandbox_row *
sandbox_row(enum sandbox_role role)
{
	return &rows[role];
}

/* ---- what the kernel can do ---------------------------------------------- */

/* What came with which ABI.  Nothing of ABI 7 to 10 is asked for. */
static const struct {
	int abi;
	const char *what; /* the word for it when it is missing */
	struct ruleset_attr handles;
} features[] = {
    /* EXECUTE, the first, to MAKE_SYM, the last */
    {1, "files", {.files = 2 * LANDLOCK_ACCESS_FS_MAKE_SYM - 1}},
    {2, "links", {.files = LANDLOCK_ACCESS_FS_REFER}},
    {3, "truncate", {.files = LANDLOCK_ACCESS_FS_TRUNCATE}},
    {4, "tcp",
	{.tcp = LANDLOCK_ACCESS_NET_BIND_TCP |
		LANDLOCK_ACCESS_NET_CONNECT_TCP}},
    {5, "devices", {.files = LANDLOCK_ACCESS_FS_IOCTL_DEV}},
    {6, "signals",
	{.scope = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL}},
};

void
sandbox_plan(int abi, struct sandbox_plan *plan)
{
	size_t len = 0;

	memset(plan, 0, sizeof(*plan));
	for (size_t i = 0; i < ARRAY_LEN(features); i++) {
		if (features[i].abi <= abi) {
			plan->files |= features[i].handles.files;
			plan->tcp |= features[i].handles.tcp;
			plan->scope |= features[i].handles.scope;
			continue;
		}
		len += (size_t)snprintf(plan->without + len,
		    sizeof(plan->without) - len, "%s%s", len > 0 ? " " : "",
		    features[i].what);
	}
}

/* Also 0 where the call exists and is refused, as in some containers. */
static int
ask_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

/* ---- rules --------------------------------------------------------------- */

static int
allow_path(int ruleset, const char *path, uint64_t rights, struct err *e)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {
	    .allowed_access = rights, .parent_fd = fd};
	struct stat st;
	int rc = 0;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed_access &= OF_FILES;
	if (rule.allowed_access != 0 &&
	    syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule,
		0) < 0)
		rc = err_sys(e, "%s: cannot be made an exception", path);
	close(fd);
	return rc;
}

static int
allow_paths(
    int ruleset, const struct strv *paths, uint64_t rights, struct err *e)
{
	for (size_t i = 0; rights != 0 && i < paths->len; i++)
		if (allow_path(ruleset, paths->v[i], rights, e) < 0)
			return -1;
	return 0;
}

static int
allow_devices(int ruleset, uint64_t rights, struct err *e)
{
	if (allow_path(ruleset, "/dev/urandom", rights & READ, e) < 0 ||
	    allow_path(ruleset, "/proc/sys/kernel/random/boot_id",
		rights & READ, e) < 0)
		return -1;
	if (rights == READ)
		return 0;
	return allow_path(ruleset, "/dev/null", rights, e);
}

/*
 * A sanitizer reads /proc when the process ends, and writes what it has found
 * where its options say.  Neither lets a test reach anything that it must not.
 */
static int
allow_sanitizer(int ruleset, uint64_t handled, struct err *e)
{
#ifdef __SANITIZE_ADDRESS__
	const char *options = getenv("ASAN_OPTIONS");
	const char *path = options ? strstr(options, "log_path=/") : NULL;
	char *directory;
	int rc;

	if (allow_path(ruleset, "/proc", READ | LIST, e) < 0)
		return -1;
	if (!path)
		return 0;
	path += strlen("log_path=");
	directory = xstrndup(path, strcspn(path, ":"));
	if (strrchr(directory, '/') != directory)
		*strrchr(directory, '/') = '\0';
	rc = allow_path(ruleset, directory, (REPLACE | READ) & handled, e);
	free(directory);
	return rc;
#else
	(void)ruleset;
	(void)handled;
	(void)e;
	return 0;
#endif
}

static int
allow_ports(int ruleset, const struct sandbox *s, struct err *e)
{
	for (size_t i = 0; i < s->ports_len; i++) {
		struct port_attr rule = {
		    LANDLOCK_ACCESS_NET_CONNECT_TCP, s->ports[i]};

		if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT,
			&rule, 0) < 0)
			return err_sys(e,
			    "port %u: cannot be made an "
			    "exception",
			    s->ports[i]);
	}
	return 0;
}

static int
add_rules(int ruleset, const struct sandbox_row *row,
    const struct sandbox_plan *plan, const struct sandbox *s, struct err *e)
{
	if (allow_devices(
		ruleset, row->rights[SANDBOX_DEVICES] & plan->files, e) < 0 ||
	    allow_sanitizer(ruleset, plan->files, e) < 0)
		return -1;
	for (int i = 0; i < SANDBOX_PLACE__MAX; i++)
		if (allow_paths(ruleset, &s->paths[i],
			row->rights[i] & plan->files, e) < 0)
			return -1;
	return (row->connects || row->opens_store) && plan->tcp
	    ? allow_ports(ruleset, s, e)
	    : 0;
}

static int
restrict_self(const struct sandbox_row *row, const struct sandbox_plan *plan,
    const struct sandbox *s, struct err *e)
{
	const struct ruleset_attr attr = {plan->files, plan->tcp, plan->scope};
	int ruleset =
	    (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	int rc;

	if (ruleset < 0)
		return err_sys(e, "cannot make a Landlock ruleset");
	rc = add_rules(ruleset, row, plan, s, e);
	if (rc == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		rc = err_sys(e, "cannot enter a Landlock ruleset");
	close(ruleset);
	return rc;
}

/* ---- limits -------------------------------------------------------------- */

static int
lower(__rlimit_resource_t resource, uint64_t to, struct err *e)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return err_sys(e, "cannot read a limit");
	if (limit.rlim_max < to)
		to = limit.rlim_max;
	limit.rlim_cur = limit.rlim_max = to;
	if (setrlimit(resource, &limit) < 0)
		return err_sys(e, "cannot set a limit");
	return 0;
}

static int
lower_limits(const struct sandbox_row *row, struct err *e)
{
	if (row->descriptors > 0 &&
	    lower(RLIMIT_NOFILE, row->descriptors, e) < 0)
		return -1;
#ifndef __SANITIZE_ADDRESS__ /* it has much memory, and a thread at the end */
	if (!row->spawns && lower(RLIMIT_NPROC, 0, e) < 0)
		return -1;
	if (row->memory > 0 && lower(RLIMIT_AS, row->memory, e) < 0)
		return -1;
#endif
	return lower(RLIMIT_CORE, 0, e);
}

/* ---- entering ------------------------------------------------------------ */

void
sandbox_release(struct sandbox *s)
{
	for (int i = 0; i < SANDBOX_PLACE__MAX; i++)
		strv_release(&s->paths[i]);
	free(s->ports);
	*s = (struct sandbox){0};
}

void
sandbox_add_port(struct sandbox *s, uint16_t port)
{
	s->ports = xreallocarray(s->ports, s->ports_len + 1, sizeof(*s->ports));
	s->ports[s->ports_len++] = port;
}

static void
report(const struct sandbox_row *row, enum sandbox_mode mode, int abi,
    const struct sandbox_plan *plan)
{
	char text[16] = "none";

	if (mode == SANDBOX_OFF)
		snprintf(text, sizeof(text), "off");
	else if (abi > 0)
		snprintf(text, sizeof(text), "%d", abi);
	log_event(LOG_LEVEL_DEBUG, "sandbox", "role", row->name, "landlock",
	    text, "without", plan->without[0] ? plan->without : NULL, NULL);
}

int
sandbox_enter(enum sandbox_role role, enum sandbox_mode mode,
    const struct sandbox *s, struct err *e)
{
	const struct sandbox_row *row = &rows[role];
	int abi = mode == SANDBOX_OFF ? 0 : ask_abi();
	struct sandbox_plan plan;

	if (abi == 0 && mode == SANDBOX_REQUIRED)
		return err_set(
		    e, KIND_CONF, "this kernel has no Landlock, or hides it");
	/* The C library reads the time zone when it first needs it. */
	tzset();
	/* Without this the kernel lets only root enter a ruleset. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "cannot set no_new_privs");
	sandbox_plan(abi, &plan);
	if (abi > 0 && restrict_self(row, &plan, s, e) < 0)
		return -1;
	if (lower_limits(row, e) < 0)
		return -1;
	report(row, mode, abi, &plan);
	return 0;
}
