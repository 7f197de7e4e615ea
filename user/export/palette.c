/* SPDX-License-Identifier: BSD-2-Clause */
/* The colours of boxes: equal steps of hue at nearly one lightness in OKLCH. */
#include "export/palette.h"

const char ft_pal_text[2][8] = {"#1a1a1a", "#f4f4f4"};

const char ft_pal_tint[FT_FK_CNT][2][FT_PAL_TINTS][8] = {
	[FT_FK_PYTHON] = {{"#fec491", "#fecf9e", "#febe68", "#ffcc79", "#fbc95f", "#fcd467",
			   "#e8ca5a", "#ead766"},
			  {"#713f03", "#784909", "#633f02", "#6c4a03", "#634804", "#695206",
			   "#564601", "#5d5202"}},
	[FT_FK_NATIVE] = {{"#8ee4d8", "#93ebe9", "#85dde5", "#90e4f6", "#91def9", "#abe2ff",
			   "#99d4fe", "#b5d9ff"},
			  {"#045a52", "#076262", "#055258", "#045c6a", "#08566a", "#205c77",
			   "#1b4c6c", "#2f5479"}},
	[FT_FK_KERNEL] = {{"#d4c8fe", "#e1cffe", "#dcbdf6", "#ebc4fb", "#edbff1", "#fac5f3",
			   "#f1b7df", "#ffbfe2"},
			  {"#514376", "#5e497c", "#553a6a", "#644170", "#633c67", "#70436b",
			   "#643458", "#723d5c"}},
	[FT_FK_MARK] = {{"#d3d4d7", "#dbdcdf", "#cacccf", "#d6d8db", "#cfd0d3", "#dee0e2",
			 "#c7c9cb", "#d9dbdd"},
			{"#414244", "#48494b", "#3b3c3e", "#444648", "#3e3f41", "#4a4c4e",
			 "#38393b", "#46484a"}},
};

const char ft_pal_step[2][FT_PAL_STEPS][8] = {
	{"#4da2fb", "#6fb1fb", "#8ec1fa", "#add0f8", "#cde0f6", "#e6e6e6", "#f5d5d1", "#f6bcb5",
	 "#f5a49a", "#f38c81", "#ef7368"},
	{"#065ca4", "#015397", "#194b7e", "#234365", "#2a394b", "#363636", "#4a302d", "#61312c",
	 "#77302a", "#8c2d27", "#a12623"},
};

char ft_pal_letter(__u8 kind)
{
	return kind < FT_FK_CNT ? "pnkm"[kind] : 'm';
}

unsigned int ft_pal_tint_of(const struct ft_frame *fr)
{
	__u32 h = 2166136261u; /* FNV-1a */
	const char *s;

	for (s = fr->name; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return (h ^ h >> 16) % FT_PAL_TINTS;
}

unsigned int ft_pal_step_of(__u64 now, __u64 base)
{
	__u64 most = now > base ? now : base;
	double r;

	if (!most)
		return FT_PAL_STEPS / 2;
	r = ((double)now - (double)base) / (double)most;
	return (unsigned int)((r + 1) * (FT_PAL_STEPS / 2) + 0.5);
}

void ft_pal_rules(struct ft_text *out, bool dark)
{
	unsigned int k, i;

	for (k = 0; k < FT_FK_CNT; k++) {
		for (i = 0; i < FT_PAL_TINTS; i++)
			ft_text_printf(out, ".%c%u{fill:%s}", ft_pal_letter((__u8)k), i,
				       ft_pal_tint[k][dark][i]);
		ft_text_add(out, "\n");
	}
	for (i = 0; i < FT_PAL_STEPS; i++)
		ft_text_printf(out, ".d%u{fill:%s}", i, ft_pal_step[dark][i]);
	ft_text_printf(out, "\n.f>text{fill:%s}\n", ft_pal_text[dark]);
}

void ft_pal_vars(struct ft_text *out, bool dark)
{
	unsigned int k, i;

	ft_text_printf(out, "--text:%s;", ft_pal_text[dark]);
	for (k = 0; k < FT_FK_CNT; k++) {
		for (i = 0; i < FT_PAL_TINTS; i++)
			ft_text_printf(out, "--%c%u:%s;", ft_pal_letter((__u8)k), i,
				       ft_pal_tint[k][dark][i]);
	}
	for (i = 0; i < FT_PAL_STEPS; i++)
		ft_text_printf(out, "--d%u:%s;", i, ft_pal_step[dark][i]);
}
