// SPDX-License-Identifier: BSD-2-Clause
/* ftprof -p PID -d 0: one look at all threads' states and stacks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/show.h"
#include "python/look.h"
#include "view/look_view.h"

static int explain(int pid, const struct ft_runtime *rt, int err)
{
	switch (err) {
	case -ESRCH:
		return ft_err(err, "process %d is gone", pid);
	case -EPERM:
	case -EACCES:
		return ft_err(err, "process %d may not be looked at: run ftprof as root", pid);
	case -EOPNOTSUPP:
		return ft_err(err,
			      "Python %s publishes no offsets (3.13 and later do): its stacks "
			      "cannot be read",
			      rt->version);
	case -EAGAIN:
		return ft_err(err,
			      "the interpreter of process %d is just starting or ending: try "
			      "again",
			      pid);
	default:
		return ft_err(err, "process %d cannot be looked at: %s", pid, strerror(-err));
	}
}

int ft_look_show(int pid, const struct ft_show_opts *o)
{
	struct ft_runtime *rt = calloc(1, sizeof(*rt));
	struct ft_text out = {0};
	struct ft_look l = {0};
	int err, status = FT_EXIT_FAILED;
	char why[256];

	if (!rt) {
		ft_err(-ENOMEM, "out of memory");
		return FT_EXIT_FAILED;
	}
	err = ft_runtime_find(pid, rt, why, sizeof(why));
	if (err) {
		ft_err(err, "%s", why);
		goto out;
	}
	err = rt->no_offsets ? -EOPNOTSUPP : ft_look(pid, rt, &l);
	if (err) {
		explain(pid, rt, err);
		goto out;
	}
	if (o->json)
		err = ft_look_json(&out, pid, rt, &l);
	else
		ft_look_text(&out, pid, rt, &l, 0, ft_show_width(o));
	if (err)
		explain(pid, rt, err);
	else
		status = ft_show_write(o, &out);
out:
	ft_look_free(&l);
	ft_text_free(&out);
	free(rt);
	return status;
}
