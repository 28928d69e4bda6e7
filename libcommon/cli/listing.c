#include "cli/listing.h"

#include "cli/out.h"
#include "cli/prog.h"
#include "cli/rights.h"

int
listing_print(struct prog *p, const char *const *columns,
    int (*each)(struct store *st, struct out *o, struct err *e), struct err *e)
{
	struct store *st =
	    rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);
	struct out o;
	int rc = -1;

	out_init(&o, p->json, !p->no_header, columns);
	if (st)
		rc = each(st, &o, e);
	if (rc == 0)
		out_finish(&o);
	store_close(st);
	return rc;
}
