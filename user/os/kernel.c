/* SPDX-License-Identifier: BSD-2-Clause */
/* What the running kernel offers, each as a check with its reason and remedy. */
#include "os/kernel.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/fileio.h"

#define MIN_MAJOR 5u
#define MIN_MINOR 15u

/* Reads a small file below root, without its last newline. 0 or -errno. */
static int read_line(const char *root, const char *path, char *buf, size_t sz)
{
	char full[PATH_MAX], *text = NULL;
	size_t len;
	int err;

	if (snprintf(full, sizeof(full), "%s%s", root, path) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	err = ft_read_file(full, 4096, &text, &len);
	if (err)
		return err;
	snprintf(buf, sz, "%s", text);
	buf[strcspn(buf, "\n")] = 0;
	free(text);
	return 0;
}

unsigned int ft_kernel_version(const char *root)
{
	unsigned int major = 0, minor = 0, patch = 0;
	char rel[128];

	if (read_line(root, "/proc/sys/kernel/osrelease", rel, sizeof(rel)))
		return 0;
	if (sscanf(rel, "%3u.%3u.%5u", &major, &minor, &patch) < 2)
		return 0;
	if (minor > 255)
		minor = 255;
	if (patch > 255)
		patch = 255;
	return major << 16 | minor << 8 | patch;
}

static void check_version(const char *root, struct ft_check *c)
{
	unsigned int v = ft_kernel_version(root);

	c->name = "kernel version";
	c->fatal = true;
	if (!v) {
		snprintf(c->why, sizeof(c->why), "/proc/sys/kernel/osrelease could not be read");
		snprintf(c->remedy, sizeof(c->remedy), "mount /proc");
		return;
	}
	c->ok = v >= (MIN_MAJOR << 16 | MIN_MINOR << 8);
	snprintf(c->why, sizeof(c->why), "%u.%u.%u, %u.%u or later is needed", v >> 16,
		 v >> 8 & 255, v & 255, MIN_MAJOR, MIN_MINOR);
	if (!c->ok)
		snprintf(c->remedy, sizeof(c->remedy), "run a newer kernel");
}

static void check_btf(const char *root, struct ft_check *c)
{
	char full[PATH_MAX];

	c->name = "BTF";
	c->fatal = true;
	snprintf(full, sizeof(full), "%s/sys/kernel/btf/vmlinux", root);
	c->ok = access(full, R_OK) == 0;
	if (c->ok) {
		snprintf(c->why, sizeof(c->why), "/sys/kernel/btf/vmlinux is there");
		return;
	}
	snprintf(c->why, sizeof(c->why), "/sys/kernel/btf/vmlinux: %s", strerror(errno));
	snprintf(c->remedy, sizeof(c->remedy), "%s",
		 errno == ENOENT ? "run a kernel built with CONFIG_DEBUG_INFO_BTF, and mount /sys"
				 : "run ftprof as root");
}

static void check_lockdown(const char *root, struct ft_check *c)
{
	char line[128];
	int err;

	c->name = "lockdown";
	c->fatal = true;
	c->ok = true;
	err = read_line(root, "/sys/kernel/security/lockdown", line, sizeof(line));
	if (err == -ENOENT) {
		snprintf(c->why, sizeof(c->why),
			 "none: the kernel has no lockdown, or securityfs "
			 "is not mounted");
		return;
	}
	if (err) {
		snprintf(c->why, sizeof(c->why), "not known: %s", strerror(-err));
		return;
	}
	/* "none [integrity] confidentiality" */
	if (strstr(line, "[confidentiality]")) {
		c->ok = false;
		snprintf(c->why, sizeof(c->why),
			 "confidentiality: BPF programs may not read kernel memory");
		snprintf(c->remedy, sizeof(c->remedy),
			 "boot with lockdown=integrity or without lockdown=");
		return;
	}
	snprintf(c->why, sizeof(c->why), "%s",
		 strstr(line, "[integrity]") ? "integrity, which does not stand in the way"
					     : "none");
}

static void check_paranoid(const char *root, struct ft_check *c)
{
	char line[32], *end;
	long v;
	int err;

	c->name = "perf_event_paranoid";
	err = read_line(root, "/proc/sys/kernel/perf_event_paranoid", line, sizeof(line));
	if (err) {
		snprintf(c->why, sizeof(c->why), "/proc/sys/kernel/perf_event_paranoid: %s",
			 strerror(-err));
		snprintf(c->remedy, sizeof(c->remedy),
			 "run a kernel built with CONFIG_PERF_EVENTS");
		return;
	}
	v = strtol(line, &end, 10);
	if (end == line) {
		snprintf(c->why, sizeof(c->why), "not a number");
		snprintf(c->remedy, sizeof(c->remedy), "mount /proc");
		return;
	}
	/* 3 and more are distribution patches: nothing without CAP_PERFMON, everything with it */
	c->ok = v <= 2;
	snprintf(c->why, sizeof(c->why), "%ld%s", v,
		 c->ok ? "" : ": only with CAP_PERFMON, which root has");
	if (!c->ok)
		snprintf(c->remedy, sizeof(c->remedy), "run ftprof as root");
}

void ft_kernel_checks(const char *root, struct ft_check out[FT_KC_CNT])
{
	memset(out, 0, FT_KC_CNT * sizeof(out[0]));
	check_version(root, &out[FT_KC_VERSION]);
	check_btf(root, &out[FT_KC_BTF]);
	check_lockdown(root, &out[FT_KC_LOCKDOWN]);
	check_paranoid(root, &out[FT_KC_PARANOID]);
}
