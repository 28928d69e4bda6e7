#ifndef SYS_SOCK_H
#define SYS_SOCK_H

#include "base/err.h"

#include <netinet/in.h>

/* Unix sockets of our own processes, and who is at the other end of one. */

/*
 * Makes a listening stream socket, or a datagram socket, at `path` with `mode`;
 * a stale socket file is replaced, a live one is KIND_CONFLICT.
 * Returns the descriptor or -1.
 */
int sock_listen(const char *path, mode_t mode, struct err *e);
int sock_bind_dgram(const char *path, mode_t mode, struct err *e);

/*
 * Takes the next connection of a listening socket, with SOCK_NONBLOCK or 0.
 * Returns its descriptor, or -1: `e` is not set when there is none (any more);
 * KIND_BUSY for want of descriptors or memory, KIND_DENIED when the system's
 * policy forbids it: both may pass, and are to be waited for; KIND_SYS when the
 * socket is no good.
 */
int sock_accept(int listener, int flags, struct err *e);

/*
 * Connects to the stream socket at `path`, never waiting.
 * Returns the descriptor, which does not block, or -1: KIND_BUSY when nobody
 * listens or too many are before us, KIND_SYS.
 */
int sock_connect(const char *path, struct err *e);

/*
 * Sends one byte to the datagram socket at `path`, never waiting; a full queue
 * counts as sent, because then the receiver is awake already.
 * Returns 0, or -1: KIND_BUSY when nobody listens, KIND_SYS.
 */
int sock_poke(const char *path, struct err *e);

/*
 * Small answers go out at once, whatever is still on its way; on anything but
 * TCP it changes nothing.
 */
void sock_nodelay(int fd);

/* Whether `fd` is a unix socket. */
bool sock_is_unix(int fd);

/*
 * The user at the other end of a unix socket that was accepted; -1 for anything
 * else: of a socketpair the system knows who has made it, not who has it now.
 */
int64_t sock_peer_uid(int fd);

#define SOCK_ADDR_SIZE INET6_ADDRSTRLEN

/*
 * Writes the address of the peer of `fd` as text; an IPv4-mapped one as IPv4.
 * Returns 0, or -1 without an error record when the peer is no internet
 * address (unix socket, pipe, file).
 */
int sock_peer(int fd, char out[SOCK_ADDR_SIZE]);

#endif
