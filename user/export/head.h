/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a drawn flame says of itself in words: its title, what it was measured on, the figures of a
 * frame. Everything is appended escaped for XML.
 */
#ifndef FT_EXPORT_HEAD_H
#define FT_EXPORT_HEAD_H

#include "base/text.h"
#include "export/boxes.h"
#include "model/flame.h"

/* "GIL blame: who held it while others waited" */
void ft_head_title(const struct ft_flame *f, struct ft_text *out);
/* "crunch.py" or "pid 1234"; "" when the flame has no session's facts */
void ft_head_target(const struct ft_flame *f, struct ft_text *out);
/* "pid 1234 · Python 3.14.6, GIL on · watched for 10 s · 12.3 s in all · 1,234 samples · ..." */
void ft_head_facts(const struct ft_flame *f, struct ft_text *out);
/* What was left out of a drawing; nothing when it is whole. */
void ft_head_hidden(const struct ft_flame *f, const struct ft_boxes *b, struct ft_text *out);
/* "12.3 %, 1.23 s, self 200 ms", of a difference also the base */
void ft_head_figures(const struct ft_flame *f, const struct ft_flame_node *n, struct ft_text *out);
/* "12.3 %", "<0.1 %", "0 %", not escaped. Returns buf. */
char *ft_head_percent(__u64 part, __u64 whole, char *buf, size_t sz);

#endif
