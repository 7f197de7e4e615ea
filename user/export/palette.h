/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The colours of boxes. The kind of a frame is a family of hues (and a pattern, since colour alone
 * tells nothing to some), its name chooses one of the family's tints; a difference goes from blue
 * (less) over grey to red (more), which those who confuse red and green tell apart too. Text on
 * every one of them has a contrast of more than 4.5:1, in light and in dark.
 */
#ifndef FT_EXPORT_PALETTE_H
#define FT_EXPORT_PALETTE_H

#include "model/flame.h"
#include "base/text.h"

#define FT_PAL_TINTS 8
#define FT_PAL_STEPS 11 /* of a difference; the middle one is "the same" */

extern const char ft_pal_text[2][8]; /* [0] in light, [1] in dark: "#1a1a1a" */
extern const char ft_pal_tint[FT_FK_CNT][2][FT_PAL_TINTS][8];
extern const char ft_pal_step[2][FT_PAL_STEPS][8];

/* The letter of a kind: p, n, k, m. */
char ft_pal_letter(__u8 kind);
/* The tint of a function: its name alone decides, so that it is the same in all pictures. */
unsigned int ft_pal_tint_of(const struct ft_frame *fr);
/* The step of a change: -100 % (gone) is the first, +100 % (new) the last. */
unsigned int ft_pal_step_of(__u64 now, __u64 base);

/* CSS rules ".p0{fill:#fec491}", for light or for dark. */
void ft_pal_rules(struct ft_text *out, bool dark);
/* CSS custom properties "--p0:...;" for a script to read. */
void ft_pal_vars(struct ft_text *out, bool dark);

#endif
