/* Helpers that are asked many questions at once. */
#include "unit.h"

#include <signal.h>
#include <unistd.h>

#include "base/str.h"
#include "sys/asker.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/frame.h"
#include "sys/helper.h"

#define LONG_MS 60000
#define CHANNEL 3 /* as sys/helper.c has it */

/* ---- the helper ---------------------------------------------------------- */

/*
 * "ID wait" is answered when nothing more comes, all else at once, by "ID die"
 * as the last that its process does, and not at all by "ID silent".
 */
static void
answer(void *arg, const struct buf *question, struct buf *out)
{
	(void)arg;
	if (str_ends(question->data, " wait"))
		while (!helper_is_left(CHANNEL))
			usleep(10000);
	if (str_ends(question->data, " silent"))
		_exit(1);
	buf_adds(out, question->data);
	if (str_ends(question->data, " die")) {
		frame_write(
		    CHANNEL, out->data, out->len, FD_FOREVER, &(struct err){0});
		raise(SIGKILL);
	}
}

static void
lost(const struct buf *question, const char *why, struct buf *out)
{
	buf_add(out, question->data, strcspn(question->data, " "));
	buf_addf(out, " %s", why);
}

static void
live(int fd, void *arg)
{
	const struct helper_service s = {
	    .answer = answer, .arg = arg, .lost = lost};
	struct err e = {0};

	helper_serve(fd, &s, &e);
}

/* ---- this side ----------------------------------------------------------- */

static struct askers askers;
static struct helper helper;
static struct asker *asker;

struct said {
	bool done;
	enum err_kind kind;
	char text[80];
};

static void
begin(size_t at_once, bool ends_softly)
{
	const struct helper_options h = {.live = live, .keep = -1};
	const struct asker_options a = {.askers = &askers,
	    .helper = &helper,
	    .at_once = at_once,
	    .ends_softly = ends_softly};
	struct err e = {0};

	assert_ok(helper_start(&helper, &h, &e), &e);
	asker = asker_new(&a);
}

static void
end(void)
{
	asker_free(asker);
	assert_int_equal(askers.len, 0);
	helper_end(&helper, LONG_MS);
	askers_release(&askers);
}

static void
on_answer(void *arg, const struct buf *reply, const struct err *why)
{
	struct said *s = arg;

	assert_false(s->done);
	s->done = true;
	s->kind = why->kind;
	snprintf(s->text, sizeof(s->text), "%s",
	    reply ? strchr(reply->data, ' ') + 1 : "");
}

static void
ask(const char *what, int64_t timeout_ms, struct said *s)
{
	struct buf question;

	*s = (struct said){0};
	buf_init(&question, 100);
	buf_addf(&question, "%lld %s", (long long)asker_next_id(asker), what);
	asker_ask(asker, &question, timeout_ms, on_answer, s);
	buf_release(&question);
}

static void
says(struct said *s, enum err_kind kind, const char *text)
{
	askers_wait(&askers, &s->done);
	assert_int_equal(s->kind, kind);
	assert_string_equal(s->text, text);
}

static void
test_side_by_side(void **state)
{
	struct said slow, a, b;

	(void)state;
	begin(2, true);
	ask("wait", LONG_MS, &slow);
	ask("a", LONG_MS, &a);
	ask("b", LONG_MS, &b);
	says(&a, KIND_NONE, "a");
	says(&b, KIND_NONE, "b");
	assert_false(slow.done);
	askers_stop(&askers);
	assert_false(slow.done);
	ask("late", LONG_MS, &b);
	assert_true(b.done);
	assert_int_equal(b.kind, KIND_BUSY);
	says(&slow, KIND_NONE, "wait");
	end();
}

static void
test_stop_at_once(void **state)
{
	struct said slow, waiting;

	(void)state;
	begin(1, false);
	ask("wait", LONG_MS, &slow);
	ask("a", LONG_MS, &waiting);
	assert_false(waiting.done);
	askers_stop(&askers);
	assert_true(slow.done && waiting.done);
	assert_int_equal(slow.kind, KIND_BUSY);
	end();
}

static void
test_lost(void **state)
{
	struct said slow, other;

	(void)state;
	begin(2, false);
	ask("wait", LONG_MS, &slow);
	kill(helper.pid, SIGKILL);
	says(&slow, KIND_SYS, "");
	ask("a", LONG_MS, &other);
	says(&other, KIND_SYS, "");
	end();

	begin(2, false);
	ask("wait", 50, &slow);
	ask("a", LONG_MS, &other);
	says(&other, KIND_NONE, "a");
	says(&slow, KIND_SYS, "");
	end();

	/* Who goes leaves nobody without an answer. */
	begin(2, false);
	ask("wait", LONG_MS, &slow);
	end();
	assert_true(slow.done);
	assert_int_equal(slow.kind, KIND_BUSY);
}

/* Of a question whose process is lost, and the others have theirs. */
static void
test_one_lost(void **state)
{
	struct said slow, one, other, late;

	(void)state;
	begin(3, true);
	ask("wait", LONG_MS, &slow);
	ask("silent", LONG_MS, &one);
	says(&one, KIND_NONE, "the process for it ended with exit code 1");
	ask("die", LONG_MS, &one);
	says(&one, KIND_NONE, "die");
	ask("a", LONG_MS, &other);
	says(&other, KIND_NONE, "a");
	assert_false(slow.done);
	assert_false(askers.is_lost);
	/* also when nothing more is asked */
	ask("late silent", LONG_MS, &late);
	askers_stop(&askers);
	says(&late, KIND_NONE, "the process for it ended with exit code 1");
	says(&slow, KIND_NONE, "wait");
	end();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_side_by_side),
    cmocka_unit_test(test_stop_at_once),
    cmocka_unit_test(test_lost),
    cmocka_unit_test(test_one_lost),
};

UNIT_MAIN(tests)
