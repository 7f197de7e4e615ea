/* SPDX-License-Identifier: BSD-2-Clause */
/* A frame as one string. */
#include "export/export.h"

void ft_frame_label(const struct ft_frame *fr, struct ft_text *out)
{
	__u32 line = fr->line ? fr->line : fr->first_line;

	ft_text_add(out, fr->name);
	if (!fr->file[0])
		return;
	if (line)
		ft_text_printf(out, " (%s:%u)", fr->file, line);
	else
		ft_text_printf(out, " (%s)", fr->file);
}
