/*
 * dns-loopback: a name server for which every name is 127.0.0.1.
 */
#include <err.h>

#include "lib/answer.h"

int
main(int argc, char **argv)
{
	struct loop *l;

	if (argc != 2)
		errx(100, "usage: dns-loopback PORT");
	l = loop_new();
	answer_dns(l, argv[1]);
	for (;;)
		loop_once(l, -1);
}
