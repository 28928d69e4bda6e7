#include "solve/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "solve/solve_part.h"
#include "sys/fd.h"
#include "sys/frame.h"
#include "sys/helper.h"
#include "sys/sandbox.h"
#include "wrap/digest.h"

#define LISTENING HELPER_KEPT
#define BACKLOG 128
#define CONNECTION_S 10
#define MESSAGE_MAX 1024
#define ASK_MS 10000

struct listener {
	struct solve_look look;
	struct helper helper;
	listener_serve *serve;
	enum sandbox_mode sandbox;
};

/* ---- the other process --------------------------------------------------- */

struct serving {
	const struct listener *listener;
	struct listener_answer *answers;
	size_t len;
	int connections;
};

static void
forget(struct serving *s, const char *token)
{
	for (size_t i = 0; i < s->len; i++)
		if (strcmp(s->answers[i].token, token) == 0) {
			free(s->answers[i].name);
			free(s->answers[i].token);
			free(s->answers[i].key_authorization);
			s->answers[i] = s->answers[--s->len];
			return;
		}
}

/* "+NAME KEYAUTH" or "-NAME KEYAUTH", whose token is in front of its dot. */
static void
take_message(struct serving *s, const char *text)
{
	const char *keyauth = strchr(text, ' ');
	char *token;

	if (!keyauth)
		return;
	keyauth++;
	token = xstrndup(keyauth, strcspn(keyauth, "."));
	forget(s, token);
	if (text[0] == '-') {
		free(token);
		return;
	}
	s->answers = xreallocarray(s->answers, s->len + 1, sizeof(*s->answers));
	s->answers[s->len++] = (struct listener_answer){
	    .name = xstrndup(text + 1, (size_t)(keyauth - text) - 2),
	    .token = token,
	    .key_authorization = xstrdup(keyauth)};
}

static void
accept_one(struct serving *s, int channel)
{
	int fd = accept(LISTENING, NULL, NULL);
	pid_t pid;

	if (fd < 0)
		return;
	pid = s->connections < LISTENER_CONNECTIONS ? fork() : -1;
	if (pid == 0) {
		close(channel);
		close(LISTENING);
		alarm(CONNECTION_S);
		s->listener->serve(fd, s->answers, s->len);
		_exit(0);
	}
	if (pid > 0)
		s->connections++;
	close(fd);
}

static int
answer_channel(struct serving *s, int channel, struct err *e)
{
	struct buf message;
	int rc;

	buf_init(&message, MESSAGE_MAX);
	rc = frame_read(channel, &message, FD_FOREVER, e);
	if (rc > 0) {
		take_message(s, message.data);
		rc = frame_write(channel, "+", 1, FD_FOREVER, e) < 0 ? -1 : 1;
	}
	buf_release(&message);
	return rc;
}

static void
serve_all(struct serving *s, int channel)
{
	struct err e = {0};
	int rc = 1;

	while (rc > 0) {
		struct pollfd p[2] = {{.fd = channel, .events = POLLIN},
		    {.fd = LISTENING, .events = POLLIN}};

		/* Now and then, for those that have ended. */
		if (poll(p, 2, 1000) < 0 && errno != EINTR)
			break;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			s->connections--;
		if (p[0].revents)
			rc = answer_channel(s, channel, &e);
		if (rc > 0 && (p[1].revents & POLLIN))
			accept_one(s, channel);
	}
}

static void
live(int channel, void *arg)
{
	struct serving s = {.listener = arg};
	struct sandbox none = {0};
	struct err e = {0};

	digest_prepare();
	if (fd_nonblock(LISTENING, &e) < 0 ||
	    sandbox_enter(
		SANDBOX_STATELESS_MASTER, s.listener->sandbox, &none, &e) < 0)
		log_err("listener", &e);
	else
		serve_all(&s, channel);
	sandbox_release(&none);
}

/* ---- this one ------------------------------------------------------------ */

static int
bind_port(uint16_t port, struct err *e)
{
	const struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
	    .sin6_port = htons(port),
	    .sin6_addr = IN6ADDR_ANY_INIT};
	const struct sockaddr_in v4 = {
	    .sin_family = AF_INET, .sin_port = htons(port)};
	const int on = 1, off = 0;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_v6 = fd >= 0;

	if (!is_v6)
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, "cannot make a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (is_v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if ((is_v6 ? bind(fd, (const struct sockaddr *)&v6, sizeof(v6))
		   : bind(fd, (const struct sockaddr *)&v4, sizeof(v4))) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	err_sys(e, "port %u: cannot be listened on", (unsigned)port);
	e->kind = KIND_CONF;
	close(fd);
	return -1;
}

static int
tell(struct listener *l, char sign, const struct solver_task *t, struct err *e)
{
	struct buf message, reply;
	int rc;

	if (solve_check_task(t, e) < 0)
		return -1;
	buf_init(&message, MESSAGE_MAX);
	buf_init(&reply, MESSAGE_MAX);
	buf_addf(&message, "%c%s %s", sign, t->value, t->key_authorization);
	rc = helper_ask(&l->helper, &message, &reply, ASK_MS, e);
	buf_release(&message);
	buf_release(&reply);
	return rc;
}

static int
present(void *self, const struct solver_task *t, struct err *e)
{
	return tell(self, '+', t, e);
}

static int
cleanup(void *self, const struct solver_task *t, struct err *e)
{
	return tell(self, '-', t, e);
}

static void
free_self(void *self)
{
	struct listener *l = self;

	helper_stop(&l->helper);
	free(l);
}

static int
start(struct listener *l, uint16_t port, struct err *e)
{
	int fd = bind_port(port, e), rc = -1;
	const struct helper_options o = {
	    .live = live, .arg = l, .keep = fd, .user = l->look.options->user};

	if (fd >= 0)
		rc = helper_start(&l->helper, &o, e);
	fd_close(&fd);
	return rc;
}

int
listener_make(const char *type, listener_serve *serve,
    const struct solve_making *m, struct solver *out, struct err *e)
{
	struct listener *l;
	uint64_t port;

	if (!str_to_u64(m->argument, 65535, &port) || port == 0)
		return solve_misuse(e, "%.60s: no port", m->argument);
	l = xcalloc(1, sizeof(*l));
	l->look.options = m->options;
	l->serve = serve;
	l->sandbox = m->options->sandbox;
	*out = (struct solver){.type = type,
	    .present = present,
	    .begin = solve_look,
	    .cleanup = cleanup,
	    .free = free_self,
	    .self = l};
	return start(l, (uint16_t)port, e);
}
