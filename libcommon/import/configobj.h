#ifndef IMPORT_CONFIGOBJ_H
#define IMPORT_CONFIGOBJ_H

#include "base/err.h"

/*
 * The ini files of Python's ConfigObj, as certbot writes them: `key = value`,
 * [section], [[section in it]], values in quotes, also in three of them over
 * several lines, and lists with commas.
 */
struct js;

#define CONFIGOBJ_DEPTH_MAX 4

/*
 * Reads it as an object: a value is a string, a list an array of strings, a
 * section an object.  Nothing is looked up or replaced in values.  KIND_INPUT,
 * with the line, for what is none of that.  The caller frees; NULL on failure.
 */
struct js *configobj_read(const char *text, size_t len, struct err *e);

#endif
