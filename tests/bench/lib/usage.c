#include "usage.h"

#include <dirent.h>
#include <err.h>
#include <unistd.h>

#define PROCESSES_MAX 8192

struct process {
	int pid;
	int parent;
	char name[16];
	int64_t children; /* microseconds of those that it has waited for */
};

struct table {
	struct process process[PROCESSES_MAX];
	size_t count;
};

static void
read_stat(const char *pid, struct table *t)
{
	struct process *p = &t->process[t->count];
	long user, kernel;
	char path[64], line[1024] = "", *rest;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(line, sizeof(line), f) && (rest = strrchr(line, ')')) &&
	    sscanf(line, "%d (%15[^)]", &p->pid, p->name) == 2 &&
	    sscanf(rest,
		") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %ld %ld",
		&p->parent, &user, &kernel) == 3) {
		p->children =
		    (int64_t)(user + kernel) * 1000000 / sysconf(_SC_CLK_TCK);
		t->count++;
	}
	fclose(f);
}

/* All processes of the machine. */
static struct table *
read_table(void)
{
	struct table *t = xcalloc(1, sizeof(*t));
	DIR *d = opendir("/proc");
	struct dirent *entry;

	if (!d)
		err(111, "/proc");
	while ((entry = readdir(d)) && t->count < PROCESSES_MAX)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			read_stat(entry->d_name, t);
	closedir(d);
	return t;
}

static bool
descends(const struct table *t, const struct process *p, int root)
{
	int pid = p->pid;

	for (int depth = 0; depth < 64 && pid > 1; depth++) {
		size_t i;

		if (pid == root)
			return true;
		for (i = 0; i < t->count && t->process[i].pid != pid; i++)
			;
		if (i == t->count)
			return false;
		pid = t->process[i].parent;
	}
	return false;
}

int64_t
usage_cpu(int root)
{
	struct table *t = read_table();
	int64_t sum = 0;

	for (size_t i = 0; i < t->count; i++) {
		const struct process *p = &t->process[i];
		struct timespec ts;
		clockid_t clock;

		if (!descends(t, p, root))
			continue;
		sum += p->children;
		if (clock_getcpuclockid(p->pid, &clock) == 0 &&
		    clock_gettime(clock, &ts) == 0)
			sum += (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
	}
	free(t);
	return sum;
}

/* Adds up the lines of /proc/PID/FILE that begin with `field`, in kB. */
static long
kilobytes(int pid, const char *file, const char *field)
{
	char path[64], line[256];
	long sum = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		const char *value = strchr(line, ':');

		if (value && strncmp(line, field, strlen(field)) == 0)
			sum += strtol(value + 1, NULL, 10);
	}
	fclose(f);
	return sum;
}

static struct usage *
program(struct usage_all *all, const char *name)
{
	size_t i;

	for (i = 0; i < all->count; i++)
		if (!strcmp(all->program[i].name, name))
			return &all->program[i];
	if (i == USAGE_PROGRAMS)
		i--;
	else
		all->count++;
	memcpy(all->program[i].name, name, sizeof(all->program[i].name));
	return &all->program[i];
}

static void
grow(long *most, long now)
{
	if (now > *most)
		*most = now;
}

void
usage_memory(int root, struct usage_all *all)
{
	struct table *t = read_table();
	struct usage_all now = {0};

	for (size_t i = 0; i < t->count; i++) {
		const struct process *p = &t->process[i];
		struct usage *u;
		long pss;

		if (!descends(t, p, root))
			continue;
		u = program(&now, p->name);
		pss = kilobytes(p->pid, "smaps_rollup", "Pss:");
		u->processes++;
		u->pss += pss;
		now.pss += pss;
		grow(&u->rss, kilobytes(p->pid, "status", "VmHWM:"));
		grow(
		    &u->private, kilobytes(p->pid, "smaps_rollup", "Private_"));
	}
	for (size_t i = 0; i < now.count; i++) {
		struct usage *u = program(all, now.program[i].name);

		if (now.program[i].processes > u->processes)
			u->processes = now.program[i].processes;
		grow(&u->rss, now.program[i].rss);
		grow(&u->private, now.program[i].private);
		grow(&u->pss, now.program[i].pss);
	}
	grow(&all->pss, now.pss);
	free(t);
}
