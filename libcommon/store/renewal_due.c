#include "store/renewal_due.h"

#include "base/str.h"

#define WHOLE 1000

static const char *const names[] = {
    [RENEWAL_FIRST] = "first",
    [RENEWAL_WINDOW] = "window",
    [RENEWAL_LIFETIME] = "lifetime",
    [RENEWAL_PART] = "part",
    [RENEWAL_REVOKED] = "revoked",
    [RENEWAL_ASKED] = "asked",
};
_Static_assert(ARRAY_LEN(names) == RENEWAL_RULE__MAX, "one per rule");

const char *
renewal_rule_name(enum renewal_rule rule)
{
	return rule < RENEWAL_RULE__MAX ? names[rule] : "?";
}

enum renewal_rule
renewal_rule_of(const char *word)
{
	size_t i;

	for (i = 0; i < RENEWAL_RULE__MAX; i++)
		if (str_same(word, names[i]))
			break;
	return (enum renewal_rule)i;
}

const char *
renewal_rule_text(enum renewal_rule rule, int64_t lifetime)
{
	switch (rule) {
	case RENEWAL_FIRST:
		return "at once, as there is no certificate yet";
	case RENEWAL_WINDOW:
		return "at a moment of the window that the CA has named";
	case RENEWAL_LIFETIME:
		return lifetime < RENEWAL_SHORT_LIFE
		    ? "when half of its lifetime is left"
		    : "when a third of its lifetime is left";
	case RENEWAL_PART:
		return "when as much of its lifetime is left as was set";
	case RENEWAL_REVOKED:
		return "at once, as it is revoked or deactivated";
	case RENEWAL_ASKED:
		return "at once, as it was asked for";
	case RENEWAL_RULE__MAX:
		break;
	}
	return "?";
}

/* Seconds of the lifetime that are left when it is due. */
static int64_t
left(const struct renewal_facts *f)
{
	int64_t lifetime = f->not_after - f->not_before;

	if (lifetime <= 0)
		return 0;
	if (f->part_left > 0)
		return lifetime / WHOLE * f->part_left +
		    lifetime % WHOLE * f->part_left / WHOLE;
	return lifetime / (lifetime < RENEWAL_SHORT_LIFE ? 2 : 3);
}

struct renewal_due
renewal_due(const struct renewal_facts *f, int64_t now)
{
	struct renewal_due by_life = {.at = f->not_after - left(f),
	    .by = f->not_after,
	    .rule = f->part_left > 0 ? RENEWAL_PART : RENEWAL_LIFETIME};

	if (!f->has_certificate)
		return (struct renewal_due){now, now, RENEWAL_FIRST};
	if (f->is_lost)
		return (struct renewal_due){now, now, RENEWAL_REVOKED};
	if (f->window_end == 0)
		return by_life;
	if (f->part_left == 0)
		by_life.at += left(f) / 2;
	if (f->chosen < by_life.at)
		return (struct renewal_due){
		    f->chosen, f->window_end, RENEWAL_WINDOW};
	return by_life;
}
