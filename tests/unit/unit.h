#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

/* What every unit test begins with: cmocka, and a main that speaks TAP. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/err.h"

#define UNIT_MAIN(tests)                                                       \
	int main(void)                                                         \
	{                                                                      \
		cmocka_set_message_output(CM_OUTPUT_TAP);                      \
		return cmocka_run_group_tests(tests, NULL, NULL);              \
	}

/* The call must succeed; else the test fails with the error's own words. */
#define assert_ok(call, e)                                                     \
	do {                                                                   \
		if ((call) < 0) {                                              \
			char unit_text[900];                                   \
			err_format((e), unit_text, sizeof(unit_text));         \
			fail_msg("%s: %s", #call, unit_text);                  \
		}                                                              \
	} while (0)

/* The call must fail with this kind. */
#define assert_kind(call, wanted, e)                                           \
	do {                                                                   \
		err_clear(e);                                                  \
		assert_int_equal((call), -1);                                  \
		assert_int_equal((e)->kind, (wanted));                         \
		err_clear(e);                                                  \
	} while (0)

#endif
