/* SPDX-License-Identifier: BSD-2-Clause */
/* The figures of two sessions side by side. */
#ifndef FT_VIEW_COMPARE_TEXT_H
#define FT_VIEW_COMPARE_TEXT_H

#include "base/text.h"
#include "model/model.h"

/* A small table, 76 columns wide at most, and the line that compares the wall times. */
void ft_compare_text(struct ft_text *out, const struct ft_model *a, const struct ft_model *b);

#endif
