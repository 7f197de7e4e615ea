/* SPDX-License-Identifier: BSD-2-Clause */
/* Which capabilities this process has of those that a live session needs. */
#include "os/caps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>

static bool has(cap_t caps, cap_value_t cap)
{
	cap_flag_value_t v = CAP_CLEAR;

	/* fails for a capability that this kernel does not know: then nobody has it */
	return cap_get_flag(caps, cap, CAP_EFFECTIVE, &v) == 0 && v == CAP_SET;
}

int ft_caps_get(struct ft_caps *out)
{
	cap_t caps;

	memset(out, 0, sizeof(*out));
	caps = cap_get_proc();
	if (!caps)
		return -errno;
	out->bpf = has(caps, CAP_BPF);
	out->perfmon = has(caps, CAP_PERFMON);
	out->sys_ptrace = has(caps, CAP_SYS_PTRACE);
	out->sys_admin = has(caps, CAP_SYS_ADMIN);
	out->sys_resource = has(caps, CAP_SYS_RESOURCE);
	cap_free(caps);
	return 0;
}

bool ft_caps_enough(const struct ft_caps *c)
{
	return ((c->bpf && c->perfmon) || c->sys_admin) && c->sys_ptrace;
}

char *ft_caps_explain(const struct ft_caps *c, const char *again, char *buf, size_t sz)
{
	const char *names[3];
	char list[96] = "";
	size_t cnt = 0, i;

	if (!sz)
		return buf;
	buf[0] = 0;
	if (ft_caps_enough(c))
		return buf;
	/* CAP_SYS_ADMIN implies the first two */
	if (!c->bpf && !c->sys_admin)
		names[cnt++] = "CAP_BPF";
	if (!c->perfmon && !c->sys_admin)
		names[cnt++] = "CAP_PERFMON";
	if (!c->sys_ptrace)
		names[cnt++] = "CAP_SYS_PTRACE";
	for (i = 0; i < cnt; i++) {
		const char *sep = i == 0 ? "" : i + 1 == cnt ? " and " : ", ";
		size_t len = strlen(list);

		snprintf(list + len, sizeof(list) - len, "%s%s", sep, names[i]);
	}
	snprintf(buf, sz, "measuring a live process needs %s: run it as root: sudo %s", list,
		 again);
	return buf;
}
