/*
 * The main() of a fuzz target that is built without libFuzzer: gives it every
 * file of its corpus and reports one TAP test.  A target fuzz_NAME has its
 * corpus in tests/fuzz/corpus/NAME; files named on the command line are taken
 * instead.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of exact size, so that ASan sees a read past the end. */
static void
replay(const char *path)
{
	FILE *f = NULL;
	uint8_t *data = NULL;
	long size = 0;

	printf("# %s\n", path);
	fflush(stdout);
	f = fopen(path, "rb");
	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
		err(1, "%s", path);
	rewind(f);
	data = malloc((size_t)size);
	if (size > 0 && (data == NULL || fread(data, (size_t)size, 1, f) != 1))
		err(1, "%s", path);
	fclose(f);
	LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
}

static int
is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int
replay_folder(const char *folder)
{
	struct dirent **entries = NULL;
	char path[PATH_MAX];
	int i, n;

	n = scandir(folder, &entries, is_visible, alphasort);
	if (n < 0)
		err(1, "%s", folder);
	for (i = 0; i < n; i++) {
		snprintf(
		    path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		replay(path);
		free(entries[i]);
	}
	free(entries);
	return n;
}

int
main(int argc, char **argv)
{
	const char *name = program_invocation_short_name;
	const char *src = getenv("SRC");
	char folder[PATH_MAX];
	int i, n = argc - 1;

	for (i = 1; i < argc; i++)
		replay(argv[i]);
	if (n == 0) {
		if (strncmp(name, "fuzz_", 5) != 0)
			errx(1, "not called fuzz_NAME");
		snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s",
		    src != NULL ? src : ".", name + 5);
		n = replay_folder(folder);
	}
	printf("1..1\n%sok 1 - %s: %d inputs\n", n > 0 ? "" : "not ", name, n);
	return n > 0 ? 0 : 1;
}
