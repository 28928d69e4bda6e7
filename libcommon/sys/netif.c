#include "sys/netif.h"

#include <ifaddrs.h>
#include <sys/socket.h>

int
netif_each_address(
    void (*fn)(void *arg, const struct sockaddr *sa), void *arg, struct err *e)
{
	struct ifaddrs *list = NULL;

	if (getifaddrs(&list) < 0)
		return err_sys(e, "cannot list the addresses of this machine");
	for (const struct ifaddrs *i = list; i; i = i->ifa_next)
		if (i->ifa_addr &&
		    (i->ifa_addr->sa_family == AF_INET ||
			i->ifa_addr->sa_family == AF_INET6))
			fn(arg, i->ifa_addr);
	freeifaddrs(list);
	return 0;
}
