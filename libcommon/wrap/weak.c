#include "wrap/weak.h"

#include <openssl/bn.h>

#define SMALL_MAX 752
#define ROCA_MAX 167

/* n modulo m; four bytes at a time. */
static uint32_t
mod(const uint8_t *n, size_t len, uint32_t m)
{
	uint64_t r = 0;
	size_t i = 0;

	for (; i < len % 4; i++)
		r = (r << 8 | n[i]) % m;
	for (; i < len; i += 4)
		r = (r << 32 | (uint32_t)n[i] << 24 | (uint32_t)n[i + 1] << 16 |
			(uint32_t)n[i + 2] << 8 | n[i + 3]) %
		    m;
	return (uint32_t)r;
}

static bool
is_prime(unsigned p)
{
	for (unsigned d = 3; d * d <= p; d += 2)
		if (p % d == 0)
			return false;
	return p % 2 == 1;
}

/* Three primes below 2^10 at once: their product fits 32 bits. */
unsigned
weak_small_factor(const uint8_t *n, size_t len)
{
	unsigned primes[3] = {0}, p = 3;
	uint32_t product, r;
	size_t count;

	while (p < SMALL_MAX) {
		product = 1;
		for (count = 0; p < SMALL_MAX && count < 3; p += 2)
			if (is_prime(p)) {
				primes[count++] = p;
				product *= p;
			}
		r = mod(n, len, product);
		for (size_t i = 0; i < count; i++)
			if (r % primes[i] == 0)
				return primes[i];
	}
	return 0;
}

/* Whether r is a power of 65537 modulo p. */
static bool
is_power(uint32_t r, uint32_t p)
{
	uint32_t x = 1;

	do {
		if (x == r)
			return true;
		x = x * (65537 % p) % p;
	} while (x != 1);
	return false;
}

bool
weak_is_roca(const uint8_t *n, size_t len)
{
	for (unsigned p = 3; p <= ROCA_MAX; p += 2)
		if (is_prime(p) && !is_power(mod(n, len, p), p))
			return false;
	return true;
}

/* Largest x with x*x <= n, by Newton's method from above. */
static bool
square_root(BIGNUM *x, const BIGNUM *n, BN_CTX *ctx)
{
	BIGNUM *y = BN_new();
	bool ok;

	BN_zero(x);
	ok = y != NULL && BN_set_bit(x, (BN_num_bits(n) + 1) / 2) == 1;
	while (ok) {
		ok = BN_div(y, NULL, n, x, ctx) == 1 && BN_add(y, y, x) == 1 &&
		    BN_rshift1(y, y) == 1;
		if (!ok || BN_cmp(y, x) >= 0)
			break;
		BN_swap(x, y);
	}
	BN_free(y);
	return ok;
}

static bool
is_residue(unsigned r, unsigned m)
{
	for (unsigned x = 0; x <= m / 2; x++)
		if (x * x % m == r)
			return true;
	return false;
}

/* Of 128 numbers that are no squares one passes the cheap part. */
static bool
is_square(const BIGNUM *n, BN_CTX *ctx)
{
	unsigned low = 0, r;
	BIGNUM *x, *y;
	bool square;

	for (int bit = 0; bit < 6; bit++)
		low |= (unsigned)BN_is_bit_set(n, bit) << bit;
	r = (unsigned)BN_mod_word(n, 63 * 65 * 11);
	if (!is_residue(low, 64) || !is_residue(r % 63, 63) ||
	    !is_residue(r % 65, 65) || !is_residue(r % 11, 11))
		return false;
	x = BN_new();
	y = BN_new();
	square = x != NULL && y != NULL && square_root(x, n, ctx) &&
	    BN_sqr(y, x, ctx) == 1 && BN_cmp(y, n) == 0;
	BN_free(x);
	BN_free(y);
	return square;
}

bool
weak_is_fermat(const uint8_t *bytes, size_t len, int rounds)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *n = BN_bin2bn(bytes, (int)len, NULL);
	BIGNUM *a = BN_new(), *rest = BN_new();
	bool found, ok;

	/* n = a*a - rest, for a square rest, from the root of n upwards. */
	ok = ctx != NULL && n != NULL && a != NULL && rest != NULL &&
	    square_root(a, n, ctx) && BN_sqr(rest, a, ctx) == 1 &&
	    BN_sub(rest, rest, n) == 1;
	found = ok && BN_is_zero(rest);
	for (int i = 0; ok && !found && i < rounds; i++) {
		/* (a+1)^2 is a^2 and 2a + 1 */
		ok = BN_add(rest, rest, a) == 1 && BN_add_word(a, 1) == 1 &&
		    BN_add(rest, rest, a) == 1;
		found = ok && is_square(rest, ctx);
	}
	BN_free(n);
	BN_free(a);
	BN_free(rest);
	BN_CTX_free(ctx);
	return found;
}
