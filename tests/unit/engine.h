#ifndef TESTS_ENGINE_H
#define TESTS_ENGINE_H

/*
 * The tests of wrap/db and store/ run with SQLite, and once more with the
 * server whose URL is in ENGINE_URL: tests/cmd/0120-store-postgres.t.
 */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base.h"

#define ENGINE_URL_SIZE 256

static inline bool
engine_is_other(void)
{
	return getenv("ENGINE_URL") != NULL;
}

/* The URL of a schema that is not there yet. */
static inline void
engine_url(char *url, size_t size)
{
	static int number;

	snprintf(url, size, "%s&options=-csearch_path%%3Dt%d_%d",
	    getenv("ENGINE_URL"), (int)getpid(), number++);
}

/* What that URL, which engine_url made, calls the schema. */
static inline const char *
engine_schema(const char *url)
{
	return strrchr(url, 'D') + 1; /* behind %3D */
}

#endif
