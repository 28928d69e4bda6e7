/*
 * Our reading of HTTP against that of llhttp (oracle.h): over the corpus of
 * the fuzz target, over attacks by name, and over mutations of all of them.
 */
#include <dirent.h>

#include "base/str.h"
#include "sys/file.h"
#include "unit.h"

#include "oracle.h"

#if ORACLE
#define ROUNDS 40000
#define INPUT_MAX 4096
#define SEEDS_MAX 200

#define HOST "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define POST(fields, body) "POST /p HTTP/1.1\r\n" HOST fields "\r\n" body
#define INNER "GET /smuggled HTTP/1.1\r\n" HOST "\r\n"

struct text {
	const char *name, *p;
	size_t len;
};
#define TEXT(name, text)                                                       \
	{                                                                      \
		name, text, sizeof(text) - 1                                   \
	}

/* What is HTTP. */
static const struct text good[] = {
    TEXT("get", GET("/directory")),
    TEXT("two", GET("/1") GET("/2")),
    TEXT("post", POST("Content-Length: 3\r\n", "abc")),
    TEXT("post, get", POST("Content-Length: 3\r\n", "abc") GET("/2")),
    TEXT("get, post, post",
	GET("/1") POST("Content-Length: 2\r\n", "\r\n")
	    POST("Content-Length: 0\r\n", "")),
    TEXT("a request as a body", POST("Content-Length: 35\r\n", INNER)),
    TEXT("get with a body",
	"GET / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc" GET("/2")),
    TEXT("head with a body",
	"HEAD / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc" GET("/2")),
    TEXT("put", "PUT /x HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx"),
    TEXT("close", "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"),
    TEXT("http/1.0", "GET / HTTP/1.0\r\n\r\n"),
    TEXT("absolute", "GET http://a/b?c HTTP/1.1\r\n" HOST "\r\n" GET("/2")),
    TEXT("empty line before", "\r\n" GET("/")),
    TEXT("query", GET("/a?b=c&d?e")),
    TEXT("blanks", "GET / HTTP/1.1\r\nHost:a\r\nX:  \tb c\t \r\nY:\r\n\r\n"),
    TEXT("leading zeros", POST("Content-Length: 003\r\n", "abc") GET("/2")),
    TEXT("upgrade",
	"GET / HTTP/1.1\r\n" HOST
	"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n" GET("/2")),
    TEXT("beyond ASCII", "GET / HTTP/1.1\r\n" HOST "X: \xc3\xa4\r\n\r\n"),
};

/* What is smuggled, or near it: we refuse it, whatever llhttp says. */
static const struct text attacks[] = {
    TEXT("CL.TE",
	POST("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
	    "0\r\n\r\nG")),
    TEXT("TE.CL",
	POST("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
	    "24\r\n" INNER "\r\n0\r\n\r\n")),
    TEXT("TE on HTTP/1.0",
	"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    TEXT("TE", POST("Transfer-Encoding: chunked\r\n", "0\r\n\r\n")),
    TEXT("TE identity", POST("Transfer-Encoding: identity\r\n", "")),
    TEXT("TE twice",
	POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
	    "0\r\n\r\n")),
    TEXT("TE x, chunked",
	POST("Transfer-Encoding: x, chunked\r\n", "0\r\n\r\n")),
    TEXT("TE chunked, x",
	POST("Transfer-Encoding: chunked, x\r\n", "0\r\n\r\n")),
    TEXT("TE quoted", POST("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n")),
    TEXT("TE vertical tab",
	POST("Transfer-Encoding: \x0b"
	     "chunked\r\n",
	    "0\r\n\r\n")),
    TEXT("TE folded", POST("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n")),
    TEXT("TE blank before the colon",
	POST("Transfer-Encoding : chunked\r\nContent-Length: 3\r\n", "abc")),
    TEXT("TE after a bare CR",
	POST("X: y\rTransfer-Encoding: chunked\r\nContent-Length: 3\r\n",
	    "abc")),
    TEXT("TE after a bare LF",
	POST("X: y\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n",
	    "abc")),
    TEXT("TE after a NUL",
	POST("X: y\0Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
	    "abc")),
    TEXT("TE with an underscore and a NUL",
	POST("Transfer_Encoding\0: chunked\r\nContent-Length: 3\r\n", "abc")),
    TEXT("two lengths, equal",
	POST("Content-Length: 3\r\nContent-Length: 3\r\n", "abc")),
    TEXT("two lengths, unequal",
	POST("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd")),
    TEXT("two lengths on a line", POST("Content-Length: 3, 3\r\n", "abc")),
    TEXT("length +3", POST("Content-Length: +3\r\n", "abc")),
    TEXT("length -3", POST("Content-Length: -3\r\n", "abc")),
    TEXT("length 3 4", POST("Content-Length: 3 4\r\n", "abc")),
    TEXT("length 0x3", POST("Content-Length: 0x3\r\n", "abc")),
    TEXT("length 3.0", POST("Content-Length: 3.0\r\n", "abc")),
    TEXT("length 3_0", POST("Content-Length: 3_0\r\n", "abc")),
    TEXT("length beyond 2^64",
	POST("Content-Length: 18446744073709551619\r\n", "abc")),
    TEXT("length beyond 2^63",
	POST("Content-Length: 9223372036854775811\r\n", "abc")),
    TEXT("length empty", POST("Content-Length:\r\n", "abc")),
    TEXT("length folded", POST("Content-Length:\r\n 3\r\n", "abc")),
    TEXT("length, a blank before the colon",
	POST("Content-Length : 3\r\n", "abc")),
    TEXT("length, a tab before the colon",
	POST("Content-Length\t: 3\r\n", "abc")),
    TEXT("length, a blank before it", POST(" Content-Length: 3\r\n", "abc")),
    TEXT("no length", "POST /p HTTP/1.1\r\n" HOST "\r\n" GET("/2")),
    TEXT("bare LF", "GET / HTTP/1.1\nHost: a\n\n"),
    TEXT("bare LF at the end", "GET / HTTP/1.1\r\n" HOST "\n"),
    TEXT("bare CR in a value", "GET / HTTP/1.1\r\n" HOST "X:\rY: 1\r\n\r\n"),
    TEXT("bare CR at the end", "GET / HTTP/1.1\r\n" HOST "\rGET"),
    TEXT("CR CR LF", "GET / HTTP/1.1\r\n" HOST "X: y\r\r\n\r\n"),
    TEXT("obs-fold", "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n"),
    TEXT(
	"obs-fold with a tab", "GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n"),
    TEXT("blank before the first field", "GET / HTTP/1.1\r\n " HOST "\r\n"),
    TEXT("NUL in a value", "GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"),
    TEXT("NUL in a name", "GET / HTTP/1.1\r\n" HOST "X\0: b\r\n\r\n"),
    TEXT("NUL in the target", "GET /\0 HTTP/1.1\r\n" HOST "\r\n"),
    TEXT("blank before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    TEXT("two Hosts", "GET / HTTP/1.1\r\n" HOST HOST "\r\n"),
    TEXT("no Host", "GET / HTTP/1.1\r\n\r\n"),
    TEXT("HTTP/0.9", "GET /\r\n" GET("/2")),
    TEXT("HTTP/1.2", "GET / HTTP/1.2\r\n" HOST "\r\n"),
    TEXT("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    TEXT("two blanks", "GET  / HTTP/1.1\r\n" HOST "\r\n"),
    TEXT("tab for a blank", "GET\t/ HTTP/1.1\r\n" HOST "\r\n"),
    TEXT("blank in the target", "GET /a b HTTP/1.1\r\n" HOST "\r\n"),
    TEXT("blank after the version", "GET / HTTP/1.1 \r\n" HOST "\r\n"),
    TEXT("CONNECT", "CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n"),
};

/* Whether the bytes say the same however many come at a time. */
static bool
is_same(const struct oracle *ours, const char *p, size_t len, size_t step)
{
	struct oracle split;
	bool same;

	oracle_ours(p, len, step, &split);
	same = split.requests == ours->requests &&
	    split.refused == ours->refused &&
	    split.text.len == ours->text.len &&
	    memcmp(split.text.data, ours->text.data, ours->text.len) == 0;
	oracle_release(&split);
	return same;
}

static void
must_agree(const char *name, const char *p, size_t len, size_t *accepted)
{
	struct oracle ours, theirs;
	const char *wrong;
	char text[1200];

	oracle_ours(p, len, SIZE_MAX, &ours);
	oracle_theirs(p, len, &theirs);
	wrong = oracle_differ(&ours, &theirs);
	if (!wrong && !is_same(&ours, p, len, 1))
		wrong = "byte by byte it is another";
	if (wrong) {
		str_escape(text, sizeof(text), p, len);
		fail_msg(
		    "%s: %s (llhttp: %s): %s", name, wrong, theirs.why, text);
	}
	if (accepted)
		*accepted += ours.requests > 0;
	oracle_release(&ours);
	oracle_release(&theirs);
}

static void
test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct oracle ours;

		oracle_ours(good[i].p, good[i].len, SIZE_MAX, &ours);
		if (ours.refused || ours.requests == 0)
			fail_msg("%s: refused", good[i].name);
		for (size_t step = 1; step <= good[i].len; step++)
			if (!is_same(&ours, good[i].p, good[i].len, step))
				fail_msg(
				    "%s: %zu bytes at a time it is another",
				    good[i].name, step);
		oracle_release(&ours);
		must_agree(good[i].name, good[i].p, good[i].len, NULL);
	}
}

/* llhttp is laxer in some: which, the log says. */
static void
test_attacks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
		const struct text *a = &attacks[i];
		struct oracle ours, theirs;

		oracle_ours(a->p, a->len, SIZE_MAX, &ours);
		oracle_theirs(a->p, a->len, &theirs);
		if (!ours.refused || ours.requests > 0)
			fail_msg("%s: accepted", a->name);
		if (theirs.requests > 0)
			printf("# llhttp accepts: %s\n", a->name);
		oracle_release(&ours);
		oracle_release(&theirs);
	}
}

/* ---- the corpus, and what can be made of it */

static struct buf seeds[SEEDS_MAX];
static size_t seeds_len;
static size_t good_first; /* the good ones among them */

static void
add_seed(const void *p, size_t len)
{
	assert_true(seeds_len < SEEDS_MAX);
	buf_init(&seeds[seeds_len], INPUT_MAX);
	buf_add(&seeds[seeds_len++], p, len < INPUT_MAX ? len : INPUT_MAX);
}

static void
test_corpus(void **state)
{
	const char *src = getenv("SRC");
	char *folder = xasprintf("%s/tests/fuzz/corpus/http", src ? src : ".");
	DIR *dir = opendir(folder);
	struct dirent *entry;
	struct err e = {0};

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		char *path = xasprintf("%s/%s", folder, entry->d_name);
		struct buf text;

		buf_init(&text, (size_t)1 << 20);
		if (entry->d_name[0] != '.') {
			assert_ok(file_read(path, &text, &e), &e);
			must_agree(entry->d_name, text.data, text.len, NULL);
			if (text.len <= INPUT_MAX)
				add_seed(text.data, text.len);
		}
		buf_release(&text);
		free(path);
	}
	closedir(dir);
	free(folder);
	good_first = seeds_len;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		add_seed(good[i].p, good[i].len);
	for (size_t i = 0; i < ARRAY_LEN(attacks); i++)
		add_seed(attacks[i].p, attacks[i].len);
}

/* xorshift64*: the same mutations on every machine. */
static uint64_t random_state = 88172645463325252U;

static size_t
below(size_t n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (size_t)((random_state * 2685821657736338717U) >> 33) % n;
}

static const struct text pieces[] = {
    TEXT("", "\r"),
    TEXT("", "\n"),
    TEXT("", "\r\n"),
    TEXT("", "\0"),
    TEXT("", " "),
    TEXT("", "\t"),
    TEXT("", ":"),
    TEXT("", ","),
    TEXT("", "+"),
    TEXT("", "-"),
    TEXT("", "0"),
    TEXT("", "\x0b"),
    TEXT("", "\x80"),
    TEXT("", "\x7f"),
    TEXT("", "\r\n "),
    TEXT("", "\r\n\t"),
    TEXT("", "\r\n\r\n"),
    TEXT("", HOST),
    TEXT("", "Content-Length: 3\r\n"),
    TEXT("", "Content-Length: 0\r\n"),
    TEXT("", "X: y\r\n"),
    TEXT("", "Transfer-Encoding: chunked\r\n"),
    TEXT("", "Expect: 100-continue\r\n"),
    TEXT("", "Connection: close\r\n"),
    TEXT("", "Connection: keep-alive\r\n"),
    TEXT("", "Connection: upgrade\r\nUpgrade: x\r\n"),
    TEXT("", INNER),
    TEXT("", "0\r\n\r\n"),
    TEXT("", "chunked"),
    TEXT("", "HTTP/1.0"),
};

/* Puts `len` bytes in at `at`. */
static void
insert(struct buf *b, size_t at, const char *p, size_t len)
{
	struct buf tail;

	buf_init(&tail, INPUT_MAX);
	buf_add(&tail, b->data + at, b->len - at);
	b->len = at;
	if (b->len + len + tail.len <= INPUT_MAX)
		buf_add(b, p, len);
	buf_add(b, tail.data, tail.len);
	buf_release(&tail);
}

static void
mutate(struct buf *b)
{
	size_t at = below(b->len + 1), n;
	const struct text *piece = &pieces[below(ARRAY_LEN(pieces))];
	const struct buf *other = &seeds[below(seeds_len)];

	switch (below(6)) {
	case 0:
	case 1:
		insert(b, at, piece->p, piece->len);
		break;
	case 2: /* takes some away */
		n = below(4) + 1;
		if (at + n <= b->len) {
			memmove(b->data + at, b->data + at + n,
			    b->len - at - n + 1);
			b->len -= n;
		}
		break;
	case 3:
		if (at < b->len)
			b->data[at] = (char)below(256);
		break;
	case 4: /* one after the other */
		insert(b, b->len, other->data, other->len);
		break;
	default: /* a line more of the other's */
		n = below(other->len + 1);
		insert(b, at, other->data + n, below(other->len - n + 1));
		break;
	}
}

static void
test_mutations(void **state)
{
	size_t accepted = 0;

	(void)state;
	assert_true(seeds_len > 50);
	for (size_t i = 0; i < ROUNDS; i++) {
		const struct buf *seed = i % 2 == 0
		    ? &seeds[good_first + below(ARRAY_LEN(good))]
		    : &seeds[below(seeds_len)];
		struct buf b;
		char name[40];

		buf_init(&b, INPUT_MAX);
		buf_add(&b, seed->data, seed->len);
		for (size_t n = below(3) + 1; n > 0; n--)
			mutate(&b);
		snprintf(name, sizeof(name), "mutation %zu", i);
		must_agree(name, b.data, b.len, &accepted);
		buf_release(&b);
	}
	for (size_t i = 0; i < seeds_len; i++)
		buf_release(&seeds[i]);
	printf("# %zu of %d mutations hold a request\n", accepted, ROUNDS);
	assert_true(accepted > ROUNDS / 10);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_good),
    cmocka_unit_test(test_attacks),
    cmocka_unit_test(test_corpus),
    cmocka_unit_test(test_mutations),
};
UNIT_MAIN(tests)
#else
int
main(void)
{
	puts("1..0 # SKIP needs llhttp (node-llhttp)");
	return 0;
}
#endif
