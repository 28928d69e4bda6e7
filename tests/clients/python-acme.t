#!/bin/sh
# Goal: the library python3-acme, used as a program of one's own would use it.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"

python=/usr/bin/python3 # not one that a user has put before Debian's
need $python openssl sqlite3
if ! $python -c 'import acme, josepy, OpenSSL' 2>/dev/null; then
	[ -z "${CI:-}" ] || must $python -c 'import acme, josepy, OpenSSL'
	skip_all 'needs python3-acme'
fi
start_dns
start_acmed
start_www

cat >"$T/client.py" <<'END'
import datetime, sys
import josepy, OpenSSL
from acme import challenges, client, crypto_util, errors, messages
from cryptography.hazmat.backends import default_backend
from cryptography.hazmat.primitives.asymmetric import ec, rsa

directory, www, out = sys.argv[1:]

def key():
    return josepy.JWKRSA(key=rsa.generate_private_key(
        65537, 2048, default_backend()))

net = client.ClientNetwork(key(), user_agent="test")
acme = client.ClientV2(
    client.ClientV2.get_directory(directory, net), net)
account = acme.new_account(messages.NewRegistration.from_data(
    email="a@example.com", terms_of_service_agreed=True))
print("ok account", account.uri.startswith("https://"))
try: # the same key, by somebody who does not know of the account
    client.ClientV2(
        client.ClientV2.get_directory(directory, net),
        client.ClientNetwork(net.key, user_agent="test")
    ).new_account(messages.NewRegistration.from_data(
        email="a@example.com", terms_of_service_agreed=True))
except errors.ConflictError as e:
    print("ok conflict", e.location == account.uri)
print("ok query", acme.query_registration(account).body.status)

def issue(name, *names):
    pkey = OpenSSL.crypto.PKey()
    pkey.generate_key(OpenSSL.crypto.TYPE_RSA, 2048)
    pem = OpenSSL.crypto.dump_privatekey(OpenSSL.crypto.FILETYPE_PEM, pkey)
    order = acme.new_order(crypto_util.make_csr(pem, [*names]))
    for authz in order.authorizations:
        for c in authz.body.challenges:
            if isinstance(c.chall, challenges.HTTP01):
                response, validation = c.response_and_validation(net.key)
                with open(www + "/" + c.chall.encode("token"), "w") as f:
                    f.write(validation)
                acme.answer_challenge(c, response)
    deadline = datetime.datetime.now() + datetime.timedelta(seconds=20)
    order = acme.finalize_order(acme.poll_authorizations(order, deadline),
        deadline, fetch_alternative_chains=True)
    with open(out + "/" + name, "w") as f:
        f.write(order.fullchain_pem)
    return OpenSSL.crypto.load_certificate(
        OpenSSL.crypto.FILETYPE_PEM, order.fullchain_pem)

first = issue("first.pem", "a.example.test", "b.example.test")
issue("second.pem", "c.example.test")
print("ok issued", True)
acme.revoke(josepy.ComparableX509(first), 4)
try:
    acme.revoke(josepy.ComparableX509(first), 4)
except messages.Error as e:
    print("ok revoked twice", e.code)

order = acme.new_order(crypto_util.make_csr(
    open(out + "/cert.key", "rb").read(), ["d.example.test"]))
authz = acme.deactivate_authorization(order.authorizations[0])
print("ok authorization", authz.body.status.name)
account = acme.update_registration(account, account.body.update(
    contact=("mailto:b@example.com",)))
print("ok update", account.body.contact[0])
print("ok deactivated", acme.deactivate_registration(account).body.status)
try:
    acme.new_order(crypto_util.make_csr(
        open(out + "/cert.key", "rb").read(), ["e.example.test"]))
except messages.Error as e:
    print("ok refused", e.code)
END
must openssl genrsa -out "$T/cert.key" 2048
REQUESTS_CA_BUNDLE=$ca run $python "$T/client.py" "$directory" "$www" "$T"
exits 0 'it works to the end'
is "$out" 'ok account True
ok conflict True
ok query valid
ok issued True
ok revoked twice alreadyRevoked
ok authorization deactivated
ok update mailto:b@example.com
ok deactivated deactivated
ok refused unauthorized' 'and is told what it should be'
ok 'the certificate is right' cert_is "$T/first.pem" a.example.test \
    b.example.test
ok 'the second, too' cert_is "$T/second.pem" c.example.test
is "$(status_of "$T/first.pem")" revoked 'the first is revoked'
is "$(status_of "$T/second.pem")" valid 'the second is not'

done_testing
