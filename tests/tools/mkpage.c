// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writes a session, or two, as one HTML page:
 *
 *     mkpage OUT A [B]     with FROM and TO in the environment: only that time, in ns
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/page.h"
#include "model/funcs.h"
#include "record/session.h"
#include "view/report_json.h"

struct one {
	struct ft_reader *r;
	struct ft_model m;
	struct ft_text report;
};

static int load(const char *path, struct one *s)
{
	struct ft_func_lists fn;
	char why[512];
	int err = ft_reader_open(path, &s->r, why, sizeof(why));

	if (err) {
		fprintf(stderr, "mkpage: %s\n", why);
		return err;
	}
	err = ft_model_build(s->r, &s->m);
	err = err ?: ft_func_lists_build(s->r, &s->m, &fn);
	if (err)
		return err;
	err = ft_report_json(&s->report, &s->m, &fn);
	ft_func_lists_free(&fn);
	return err;
}

static __u64 number(const char *name)
{
	const char *v = getenv(name);

	return v ? strtoull(v, NULL, 10) : 0;
}

int main(int argc, char **argv)
{
	struct ft_page_opts o = {.from_ns = number("FROM"), .to_ns = number("TO")};
	struct ft_page_side side[2];
	struct one one[2] = {0};
	struct ft_sink *out = NULL;
	int i, fd = -1, err = -ENOMEM;

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: mkpage OUT A [B]\n");
		return 2;
	}
	for (i = 0; i < argc - 2; i++) {
		err = load(argv[2 + i], &one[i]);
		if (err)
			goto out;
		side[i] = (struct ft_page_side){.r = one[i].r,
						.m = &one[i].m,
						.path = argv[2 + i],
						.report = one[i].report.s};
	}
	err = -ENOMEM;
	out = malloc(sizeof(*out));
	if (!out)
		goto out;
	fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	err = fd < 0 ? -errno : 0;
	if (err)
		goto out;
	ft_sink_init(out, fd);
	err = ft_export_page(side, argc - 2, &o, out);
	if (close(fd) && !err)
		err = -errno;
out:
	if (err)
		fprintf(stderr, "mkpage: %s\n", strerror(-err));
	for (i = 0; i < 2; i++) {
		ft_text_free(&one[i].report);
		ft_model_free(&one[i].m);
		ft_reader_close(one[i].r);
	}
	free(out);
	return err ? 1 : 0;
}
