// SPDX-License-Identifier: BSD-2-Clause
/*
 * Prints what a session found (locks, pauses, extension modules...) as it stands in the file, as
 * one object of JSON, without any of the code that reports it; then a line with the counters of
 * the BPF side (enum ft_cnt), as a list.
 *
 *     findings FILE
 */
#include <stdio.h>
#include <stdlib.h>

#include "record/findings_json.h"
#include "record/session.h"

static int print_counters(const struct ft_sums *s)
{
	int i, err = 0;

	for (i = 0; i < FT_CN_CNT && err >= 0; i++)
		err = printf("%s%llu", i ? ", " : "[", (unsigned long long)s->cnt[i]);
	return err < 0 || puts("]") < 0;
}

int main(int argc, char **argv)
{
	struct ft_text text = {0};
	struct ft_reader *r;
	char err[256];
	int rc = 1;

	if (argc != 2) {
		fprintf(stderr, "usage: findings FILE\n");
		return 2;
	}
	if (ft_reader_open(argv[1], &r, err, sizeof(err))) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	if (ft_findings_to_json(ft_reader_findings(r), &text))
		fprintf(stderr, "cannot write JSON\n");
	else
		rc = puts(text.s) < 0 || print_counters(&ft_reader_totals(r)->sums);
	ft_text_free(&text);
	ft_reader_close(r);
	return rc;
}
