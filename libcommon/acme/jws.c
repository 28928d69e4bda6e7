#include "acme/jws.h"

#include "acme/jwk.h"
#include "base/b64.h"
#include "wrap/js.h"

#define SIGNATURE_MAX 2048 /* RSA of 16384 bits */

/* A member of the JWS that must be a string. */
static const char *
need_text(const struct js *object, const char *member, struct err *e)
{
	const char *text = js_get_text(object, member);

	if (!text)
		err_set(e, KIND_INPUT,
		    "JWS: \"%s\" is missing or no string (RFC 7515 7.2.2)",
		    member);
	return text;
}

static int
decode(const char *text, struct buf *out, const char *member, struct err *e)
{
	if (b64url_decode(out, text, strlen(text)) < 0)
		return err_set(e, KIND_INPUT,
		    "JWS: \"%s\" is not base64url without padding "
		    "(RFC 8555 6.1)",
		    member);
	return 0;
}

/* RFC 8555 6.2: one signature, and no header that it does not cover. */
static int
check_form(const struct js *object, struct err *e)
{
	if (js_get(object, "signatures"))
		return err_set(
		    e, KIND_INPUT, "JWS: several signatures (RFC 8555 6.2)");
	if (js_get(object, "header"))
		return err_set(
		    e, KIND_INPUT, "JWS: unprotected header (RFC 8555 6.2)");
	return 0;
}

static int
read_alg(struct jws *j, bool mac, struct err *e)
{
	const char *alg = js_get_text(j->header, "alg");

	if (!alg)
		return err_set(e, KIND_INPUT, "JWS: \"alg\" is missing");
	if (mac && !jwa_mac_parse(alg, &j->mac))
		return err_set(e, KIND_INPUT,
		    "JWS: \"alg\" is not HS256, HS384 or HS512 "
		    "(RFC 8555 7.3.4)");
	if (!mac && !jwa_parse(alg, &j->alg))
		return err_acme(e, KIND_INPUT, "badSignatureAlgorithm",
		    "JWS: \"alg\" is not one of ours (RFC 8555 6.2)");
	return 0;
}

/* A member that may be absent but is a string if not. */
static int
read_option(const struct js *header, const char *member, const char **out,
    struct err *e)
{
	const struct js *v = js_get(header, member);

	*out = js_text(v);
	if (v && !*out)
		return err_set(
		    e, KIND_INPUT, "JWS: \"%s\" is no string", member);
	return 0;
}

/* RFC 8555 6.5.2 */
static int
check_nonce(const char *nonce, struct err *e)
{
	struct buf bytes;
	int rc;

	if (!nonce)
		return 0;
	buf_init(&bytes, 128);
	rc = b64url_decode(&bytes, nonce, strlen(nonce));
	buf_release(&bytes);
	if (rc < 0 || *nonce == '\0')
		return err_set(e, KIND_INPUT,
		    "JWS: \"nonce\" is not base64url (RFC 8555 6.5.2)");
	return 0;
}

/* Who has made it. */
static int
check_maker(const struct jws *j, bool mac, struct err *e)
{
	if (!j->jwk == !j->kid)
		return err_set(e, KIND_INPUT,
		    "JWS: needs either \"jwk\" or \"kid\" (RFC 8555 6.2)");
	if (mac && (j->jwk || j->nonce))
		return err_set(e, KIND_INPUT,
		    "JWS: has \"%s\", but may not (RFC 8555 7.3.4)",
		    j->jwk ? "jwk" : "nonce");
	return 0;
}

static int
check_header(struct jws *j, bool mac, struct err *e)
{
	const struct js *header = j->header;

	/* first of all, so that whoever refuses the rest can spend it */
	if (read_option(header, "nonce", &j->nonce, e) < 0 ||
	    check_nonce(j->nonce, e) < 0)
		return -1;
	if (js_get(header, "crit") || js_get(header, "b64"))
		return err_set(e, KIND_INPUT,
		    "JWS: \"crit\" and \"b64\" are not understood "
		    "(RFC 7515 4.1.11)");
	if (read_alg(j, mac, e) < 0 ||
	    read_option(header, "url", &j->url, e) < 0 ||
	    read_option(header, "kid", &j->kid, e) < 0)
		return -1;
	j->jwk = js_get(header, "jwk");
	if (!j->url)
		return err_set(
		    e, KIND_INPUT, "JWS: \"url\" is missing (RFC 8555 6.4)");
	return check_maker(j, mac, e);
}

static int
read_header(struct jws *j, const char *text, bool mac, struct err *e)
{
	struct buf bytes;
	int rc = -1;

	buf_init(&bytes, JWS_MAX);
	if (decode(text, &bytes, "protected", e) < 0)
		goto out;
	j->header = js_parse(bytes.data, bytes.len, e);
	if (!j->header) {
		err_object(e, "JWS: \"protected\"");
		goto out;
	}
	rc = check_header(j, mac, e);
out:
	buf_release(&bytes);
	return rc;
}

static int
read_object(const struct js *object, struct jws *j, bool mac, struct err *e)
{
	const char *header, *payload, *signature;
	struct js *outer = j->object;
	struct err why = {0};
	int rc = -1;

	*j = (struct jws){.object = outer};
	buf_init(&j->text, 2 * JWS_MAX);
	buf_init(&j->payload, JWS_MAX);
	buf_init(&j->signature, SIGNATURE_MAX);
	/* judged last; but its nonce is spent whatever is wrong with the rest
	 */
	header = need_text(object, "protected", &why);
	if (header)
		rc = read_header(j, header, mac, &why);
	if (check_form(object, e) < 0)
		return -1;
	if (!header) {
		*e = why;
		return -1;
	}
	payload = need_text(object, "payload", e);
	signature = need_text(object, "signature", e);
	if (!payload || !signature)
		return -1;
	buf_addf(&j->text, "%s.%s", header, payload);
	j->signed_text = j->text.data;
	j->signed_len = j->text.len;
	if (decode(payload, &j->payload, "payload", e) < 0 ||
	    decode(signature, &j->signature, "signature", e) < 0)
		return -1;
	if (rc < 0)
		*e = why;
	return rc;
}

int
jws_read(const struct js *object, struct jws *j, struct err *e)
{
	return read_object(object, j, false, e);
}

int
jws_read_mac(const struct js *object, struct jws *j, struct err *e)
{
	return read_object(object, j, true, e);
}

int
jws_parse(const char *text, size_t len, struct jws *j, struct err *e)
{
	*j = (struct jws){.object = js_parse_long(text, len, JWS_MAX, e)};
	if (!j->object)
		return err_object(e, "JWS");
	return jws_read(j->object, j, e);
}

int
jws_verify(const struct jws *j, const struct key *k, struct err *e)
{
	struct err why = {0};

	if (!jwa_fits(j->alg, k))
		return err_acme(e, KIND_INPUT, "badSignatureAlgorithm",
		    "JWS: \"alg\" is not the one for this key (RFC 7518 3.1)");
	if (jwa_verify(k, j->alg, j->signed_text, j->signed_len,
		j->signature.data, j->signature.len, &why) == 0)
		return 0;
	if (why.kind != KIND_INPUT) {
		*e = why;
		return -1;
	}
	return err_set(e, KIND_INPUT,
	    "JWS verification error: the signature is not the key's");
}

bool
jws_is_made_with(const struct jws *j, const void *secret, size_t secret_len)
{
	return jwa_mac_is(j->mac, secret, secret_len, j->signed_text,
	    j->signed_len, j->signature.data, j->signature.len);
}

/* ---- making -------------------------------------------------------------- */

static int
put_signer(struct js *header, const struct key *k, const struct jws_make *how,
    struct err *e)
{
	struct buf text;
	struct js *jwk;

	if (how->kid) {
		js_put_text(header, "kid", how->kid);
		return 0;
	}
	buf_init(&text, JWS_MAX);
	jwk_write(k, &text);
	jwk = js_parse(text.data, text.len, e);
	buf_release(&text);
	if (!jwk)
		return -1;
	js_put(header, "jwk", jwk);
	return 0;
}

/* Appends protected "." payload: what is signed. */
static int
add_signed(const char *alg, const struct key *k, const struct jws_make *how,
    const char *payload, struct buf *out, struct err *e)
{
	struct js *header = js_object();
	struct buf text;
	int rc;

	buf_init(&text, JWS_MAX);
	js_put_text(header, "alg", alg);
	js_put_text(header, "nonce", how->nonce);
	js_put_text(header, "url", how->url);
	rc = put_signer(header, k, how, e);
	js_write(header, &text);
	b64url_encode(out, text.data, text.len);
	buf_addc(out, '.');
	if (payload)
		b64url_encode(out, payload, strlen(payload));
	js_free(header);
	buf_release(&text);
	return rc;
}

static int
add_envelope(const struct buf *text, const struct buf *signature,
    struct buf *out, struct err *e)
{
	const char *dot = strchr(text->data, '.');

	if (!dot)
		return err_set(e, KIND_INPUT, "the request is too long");
	buf_addf(out, "{\"protected\":\"%.*s\",\"payload\":\"%s\"",
	    (int)(dot - text->data), text->data, dot + 1);
	buf_adds(out, ",\"signature\":\"");
	b64url_encode(out, signature->data, signature->len);
	buf_adds(out, "\"}");
	return text->full || out->full
	    ? err_set(e, KIND_INPUT, "the request is too long")
	    : 0;
}

/* By a key, or without one by a secret. */
static int
make(const struct key *k, const void *secret, size_t secret_len,
    const struct jws_make *how, const char *payload, struct buf *out,
    struct err *e)
{
	const char *alg = k ? jwa_name(jwa_of(k)) : jwa_mac_name(JWA_HS256);
	struct buf text, signature;
	int rc;

	buf_init(&text, 2 * JWS_MAX);
	buf_init(&signature, SIGNATURE_MAX);
	rc = add_signed(alg, k, how, payload, &text, e);
	if (rc == 0)
		rc = k
		    ? jwa_sign(k, jwa_of(k), text.data, text.len, &signature, e)
		    : jwa_mac_make(JWA_HS256, secret, secret_len, text.data,
			  text.len, &signature);
	if (rc == 0)
		rc = add_envelope(&text, &signature, out, e);
	buf_release(&text);
	buf_release(&signature);
	return rc;
}

int
jws_sign(const struct key *k, const struct jws_make *how, const char *payload,
    struct buf *out, struct err *e)
{
	return make(k, NULL, 0, how, payload, out, e);
}

int
jws_sign_secret(const void *secret, size_t secret_len,
    const struct jws_make *how, const char *payload, struct buf *out,
    struct err *e)
{
	return make(NULL, secret, secret_len, how, payload, out, e);
}

void
jws_release(struct jws *j)
{
	if (!j)
		return;
	js_free(j->object);
	js_free(j->header);
	buf_release(&j->text);
	buf_release(&j->payload);
	buf_release(&j->signature);
	*j = (struct jws){0};
}
