#include "import/intake_part.h"

#include "base/str.h"

static const char *const result_names[] = {
    [INTAKE_CREATED] = "created",
    [INTAKE_KNOWN] = "known",
    [INTAKE_REFUSED] = "refused",
};
_Static_assert(ARRAY_LEN(result_names) == INTAKE_RESULT__MAX, "one per result");

const char *
intake_result_name(enum intake_result result)
{
	return result_names[result];
}

void
intake_drop_reports(struct intake *in)
{
	for (size_t i = 0; i < in->reports_len; i++) {
		free(in->reports[i].name);
		free(in->reports[i].place);
		free(in->reports[i].reason);
	}
	in->reports_len = 0;
}

static void
note(struct intake *in, char *place, const char *object, int64_t id,
    enum intake_result result, char *name, const char *reason)
{
	if (in->reports_len == in->reports_cap) {
		in->reports_cap = in->reports_cap ? 2 * in->reports_cap : 64;
		in->reports = xreallocarray(
		    in->reports, in->reports_cap, sizeof(*in->reports));
	}
	in->reports[in->reports_len++] =
	    (struct intake_pending){.object = object,
		.id = in->conf->dry_run ? 0 : id,
		.result = result,
		.name = name,
		.place = place,
		.reason = str_dup(reason)};
}

void
intake_note_lacking(struct intake *in, char *place, const char *object,
    int64_t id, bool created, char *name, const char *reason)
{
	note(in, place, object, id, created ? INTAKE_CREATED : INTAKE_KNOWN,
	    name, reason);
}

void
intake_note_added(struct intake *in, char *place, const char *object,
    int64_t id, bool created, char *name)
{
	intake_note_lacking(in, place, object, id, created, name, NULL);
}

void
intake_note_refused(struct intake *in, char *place, const char *object,
    char *name, const char *reason)
{
	note(in, place, object, 0, INTAKE_REFUSED, name, reason);
}

int
intake_send_reports(struct intake *in, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < in->reports_len; i++) {
		const struct intake_pending *p = &in->reports[i];
		const struct intake_report r = {.object = p->object,
		    .id = p->id,
		    .result = p->result,
		    .name = p->name,
		    .place = p->place,
		    .reason = p->reason};

		rc = in->conf->report(in->conf->arg, &r, e);
	}
	intake_drop_reports(in);
	return rc;
}
