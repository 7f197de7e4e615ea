/* SPDX-License-Identifier: BSD-2-Clause */
/* What a session found: its memory. */
#include "record/findings.h"

#include <stdlib.h>
#include <string.h>

void ft_findings_init(struct ft_findings *f)
{
	memset(f, 0, sizeof(*f));
}

void ft_findings_free(struct ft_findings *f)
{
	if (!f)
		return;
	free(f->lock);
	free(f->pause);
	free(f->ext);
	free(f->gil);
	free(f->memory);
	free(f->pmu);
	ft_findings_init(f);
}
