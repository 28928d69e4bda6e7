#include "server/nonce.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/b64.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "wrap/digest.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define MAGIC "acmed nonces 1\n"
#define SECRET_SIZE 32
#define MAC_SIZE 16
#define RAW_SIZE (8 + MAC_SIZE)
_Static_assert(B64URL_LEN(RAW_SIZE) + 1 == NONCE_SIZE, "text of a nonce");

/* The head of the file; the bits follow. */
struct head {
	char magic[16];
	char boot_id[48];
	uint8_t secret[SECRET_SIZE];
	uint64_t window; /* number of bits */
	_Atomic uint64_t next; /* number of the next nonce */
};

struct nonce {
	struct head *head;
	_Atomic uint64_t *bits;
	size_t size; /* of the map */
};

static int
read_boot_id(char out[48], struct err *e)
{
	struct buf text;
	int rc;

	memset(out, 0, 48);
	buf_init(&text, 47);
	rc = file_read(BOOT_ID_FILE, &text, e);
	if (rc == 0)
		memcpy(out, text.data, text.len);
	buf_release(&text);
	return rc;
}

static size_t
file_size(uint64_t window)
{
	return sizeof(struct head) + window / 8;
}

/* A whole new file in the place of whatever is there. */
static int
begin_epoch(
    const char *path, const char boot_id[48], uint64_t window, struct err *e)
{
	size_t size = file_size(window);
	struct head *head = xcalloc(1, size);
	int rc;

	memcpy(head->magic, MAGIC, sizeof(MAGIC));
	memcpy(head->boot_id, boot_id, 48);
	digest_random(head->secret, sizeof(head->secret));
	head->window = window;
	rc = file_replace(path, 0600, head, size, e);
	explicit_bzero(head, sizeof(*head));
	free(head);
	return rc;
}

static bool
is_ours(const struct head *head, const char boot_id[48], uint64_t window)
{
	return memcmp(head->magic, MAGIC, sizeof(MAGIC)) == 0 &&
	    memcmp(head->boot_id, boot_id, 48) == 0 && head->window == window;
}

/* Returns the map, or NULL: no file, or one of another epoch. */
static struct head *
map_file(const char *path, const char boot_id[48], uint64_t window)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	size_t size = file_size(window);
	struct head *head = NULL;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && st.st_size == (off_t)size) {
		head =
		    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (head == MAP_FAILED)
			head = NULL;
	}
	fd_close(&fd);
	if (head && !is_ours(head, boot_id, window)) {
		munmap(head, size);
		head = NULL;
	}
	return head;
}

/* As map_file, but makes the file; the lock lets one process do that. */
static struct head *
make_file(
    const char *path, const char boot_id[48], uint64_t window, struct err *e)
{
	char *lock_path = xasprintf("%s.lock", path);
	int lock = lock_wait(lock_path, e);
	struct head *head = NULL;

	free(lock_path);
	if (lock < 0)
		return NULL;
	head = map_file(path, boot_id, window);
	if (!head && begin_epoch(path, boot_id, window, e) == 0) {
		head = map_file(path, boot_id, window);
		if (!head)
			err_sys(e, "%s: cannot map the nonces", path);
	}
	fd_close(&lock);
	return head;
}

static uint64_t
whole_words(uint64_t window)
{
	return (window < 1024 ? 1024 : window + 63) / 64 * 64;
}

bool
nonce_is_whole(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct head head;
	struct stat st;
	bool whole = fd < 0; /* none yet: the first request makes it */

	if (fd >= 0 && fstat(fd, &st) == 0 &&
	    read(fd, &head, sizeof(head)) == (ssize_t)sizeof(head))
		whole = memcmp(head.magic, MAGIC, sizeof(MAGIC)) == 0 &&
		    head.window == whole_words(head.window) &&
		    st.st_size == (off_t)file_size(head.window);
	fd_close(&fd);
	return whole;
}

struct nonce *
nonce_open(const char *path, uint64_t window, struct err *e)
{
	struct nonce *n;
	struct head *head;
	char boot_id[48];

	window = whole_words(window);
	if (read_boot_id(boot_id, e) < 0)
		return NULL;
	head = map_file(path, boot_id, window);
	if (!head)
		head = make_file(path, boot_id, window, e);
	if (!head)
		return NULL;
	n = xcalloc(1, sizeof(*n));
	n->head = head;
	n->bits = (_Atomic uint64_t *)(head + 1);
	n->size = file_size(window);
	return n;
}

void
nonce_close(struct nonce *n)
{
	if (!n)
		return;
	munmap(n->head, n->size);
	free(n);
}

static void
put_number(uint8_t out[8], uint64_t number)
{
	for (int i = 7; i >= 0; i--, number >>= 8)
		out[i] = (uint8_t)number;
}

static uint64_t
get_number(const uint8_t p[8])
{
	uint64_t number = 0;

	for (int i = 0; i < 8; i++)
		number = number << 8 | p[i];
	return number;
}

static void
add_mac(const struct nonce *n, uint8_t raw[RAW_SIZE])
{
	uint8_t mac[DIGEST_SHA256_SIZE];

	digest_hmac_sha256(mac, n->head->secret, SECRET_SIZE, raw, 8);
	memcpy(raw + 8, mac, MAC_SIZE);
}

void
nonce_make(struct nonce *n, char out[NONCE_SIZE])
{
	uint64_t number = atomic_fetch_add(&n->head->next, 1);
	uint64_t bit = number % n->head->window;
	uint8_t raw[RAW_SIZE];

	/* the bit was that of number - window, which is too old from now on */
	atomic_fetch_and(&n->bits[bit / 64], ~(UINT64_C(1) << bit % 64));
	put_number(raw, number);
	add_mac(n, raw);
	b64url_encode_to(out, raw, sizeof(raw));
}

/*
 * The oldest sixteenth of the window is not accepted, so that a process which
 * is slow to turn on the bit of an old number does not hit a new one.
 */
static bool
is_recent(const struct nonce *n, uint64_t number)
{
	uint64_t next = atomic_load(&n->head->next);
	uint64_t window = n->head->window - n->head->window / 16;

	return number < next && next - number <= window;
}

static bool
has_good_mac(const struct nonce *n, const uint8_t raw[RAW_SIZE])
{
	uint8_t own[RAW_SIZE];

	memcpy(own, raw, 8);
	add_mac(n, own);
	return digest_equal(own, raw, RAW_SIZE);
}

/* Asked again after the bit was set: it may have been reused meanwhile. */
static bool
turn_on(struct nonce *n, uint64_t number)
{
	uint64_t bit = number % n->head->window;
	uint64_t mask = UINT64_C(1) << bit % 64;

	return is_recent(n, number) &&
	    (atomic_fetch_or(&n->bits[bit / 64], mask) & mask) == 0 &&
	    is_recent(n, number);
}

int
nonce_spend(struct nonce *n, const char *text, struct err *e)
{
	struct buf raw;
	bool good = false;

	buf_init(&raw, RAW_SIZE);
	if (b64url_decode(&raw, text, strlen(text)) == 0 &&
	    raw.len == RAW_SIZE) {
		const uint8_t *p = (const uint8_t *)raw.data;

		good = has_good_mac(n, p) && turn_on(n, get_number(p));
	}
	buf_release(&raw);
	if (good)
		return 0;
	/* acme.sh tries again only if it reads these words */
	return err_acme(
	    e, KIND_INPUT, "badNonce", "JWS has an invalid anti-replay nonce");
}
