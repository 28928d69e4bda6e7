#include "wrap/inifile.h"

#include "base/buf.h"
#include "unit.h"

/* Notes what is read as "section" and "section.key=value" with line numbers. */
static int
note(const struct inifile_line *l, void *arg, struct err *e)
{
	struct buf *out = arg;

	if (l->key && strcmp(l->key, "stop") == 0)
		return err_set(e, KIND_INPUT, "stopped");
	if (l->key)
		return buf_addf(out, "%zu:%s.%s=%s;", l->number, l->section,
		    l->key, l->value);
	return buf_addf(out, "%zu:%s;", l->number, l->section);
}

static void
test_reads(void **state)
{
	static const char text[] = "# umlaut \xc3\xa4 ; =\n"
				   "[a]\n"
				   "\n"
				   " \t\n"
				   "k=v\n"
				   "k2 \t=\t a ; b # c = d : e \t\n"
				   "[b-2]  \n"
				   "empty =\n"
				   "last = x";
	struct err e = {0};
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	assert_ok(inifile_read("f", text, strlen(text), note, &out, &e), &e);
	assert_string_equal(out.data,
	    "2:a;5:a.k=v;6:a.k2=a ; b # c = d : e;7:b-2;8:b-2.empty=;"
	    "9:b-2.last=x;");
	buf_release(&out);
}

static void
test_refuses(void **state)
{
	static const struct {
		const char *text;
		const char *want; /* the error begins so */
	} rows[] = {
	    {"k = v\n", "f:1: a key before"},
	    {"[a]\nk\n", "f:2: neither"},
	    {"[a]\nk: v\n", "f:2: neither"},
	    {"[a]\nk: v = w\n", "f:2: a key has"},
	    {"[a]\n; c\n", "f:2: neither"},
	    {"[a]\n;c = d\n", "f:2: a key has"},
	    {"[a]\nk = v\n w\n", "f:3: begins with a blank"},
	    {"[a]\n # c\n", "f:2: begins with a blank"},
	    {"[a]\n[b\n", "f:2: a section is"},
	    {"[a] # c\n", "f:1: a section is"},
	    {"[]\n", "f:1: a section is"},
	    {"[A]\n", "f:1: a section is"},
	    {"[a b]\n", "f:1: a section is"},
	    {"[a]\n= v\n", "f:2: a key has"},
	    {"[a]\nK = v\n", "f:2: a key has"},
	    {"[a]\nk k = v\n", "f:2: a key has"},
	    {"[a]\r\nk = v\r\n", "f:1: control byte 0x0d"},
	    {"\xef\xbb\xbf[a]\n", "f:1: byte 0xef"},
	    {"[a]\nk = \xc3\xa4\n", "f:2: byte 0xc3"},
	    {"# \x01\n", "f:1: control byte 0x01"},
	    {"[a]\nstop = 1\nk = v\n", "f:2: stopped"},
	};
	struct err e = {0};
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		err_clear(&e);
		assert_int_equal(inifile_read("f", rows[i].text,
				     strlen(rows[i].text), note, &out, &e),
		    -1);
		if (strncmp(e.text, rows[i].want, strlen(rows[i].want)) != 0)
			fail_msg("row %zu: %s", i, e.text);
	}
	buf_release(&out);
}

static void
test_limits(void **state)
{
	struct err e = {0};
	struct buf text, out;
	size_t head;

	(void)state;
	buf_init(&out, 4000);
	buf_init(&text, 4000);
	buf_adds(&text, "[a]\nk = ");
	head = text.len - strlen("[a]\n");
	while (text.len < strlen("[a]\n") + INIFILE_LINE_MAX)
		buf_addc(&text, 'v');
	assert_ok(inifile_read("f", text.data, text.len, note, &out, &e), &e);
	assert_int_equal(
	    out.len, strlen("1:a;2:a.k=;") + INIFILE_LINE_MAX - head);
	buf_addc(&text, 'v');
	assert_kind(inifile_read("f", text.data, text.len, note, &out, &e),
	    KIND_CONF, &e);
	assert_kind(inifile_read("f", "[a]\nk\0 = v\n", 11, note, &out, &e),
	    KIND_CONF, &e);
	buf_release(&text);
	buf_release(&out);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_reads),
    cmocka_unit_test(test_refuses),
    cmocka_unit_test(test_limits),
};
UNIT_MAIN(tests)
