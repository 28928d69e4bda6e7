#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

struct responder;
struct tls_server;

/*
 * Serves one client on the descriptors `in` and `out` (which stay the
 * caller's), from TLS, if `tls` is not NULL, to the last answer; then
 * r->client.requests says how many there were.  A client that breaks off or
 * speaks no TLS is an event in the log and no failure.
 */
void connection_serve(
    struct responder *r, struct tls_server *tls, int in, int out);

#endif
