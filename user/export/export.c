/* SPDX-License-Identifier: BSD-2-Clause */
/* The formats by name and by the ending of a file's name. */
#include "export/export.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *name;
	const char *ending;
	int (*write)(const struct ft_flame *f, struct ft_text *out);
} formats[FT_FMT_CNT] = {
	[FT_FMT_FOLDED] = {"folded", ".folded", ft_export_folded},
	[FT_FMT_SVG] = {"svg", ".svg", ft_export_svg},
	[FT_FMT_HTML] = {"html", ".html", ft_export_html},
	[FT_FMT_SPEEDSCOPE] = {"speedscope", ".speedscope.json", ft_export_speedscope},
	[FT_FMT_PPROF] = {"pprof", ".pb.gz", ft_export_pprof},
	[FT_FMT_FIREFOX] = {"firefox", ".firefox.json", ft_export_firefox},
	[FT_FMT_PAGE] = {"page", NULL, NULL},
	[FT_FMT_PERFETTO] = {"perfetto", ".pftrace", NULL},
	[FT_FMT_CSV] = {"csv", ".csv", NULL},
};

enum ft_format ft_format_of_path(const char *path)
{
	size_t len = strlen(path), n;
	int i;

	for (i = FT_FMT_NONE + 1; i < FT_FMT_CNT; i++) {
		if (!formats[i].ending)
			continue;
		n = strlen(formats[i].ending);
		/* a name that is nothing but the ending has none */
		if (len > n && path[len - n - 1] != '/' &&
		    !strcmp(path + len - n, formats[i].ending))
			return (enum ft_format)i;
	}
	return FT_FMT_NONE;
}

enum ft_format ft_format_of_name(const char *name)
{
	int i;

	for (i = FT_FMT_NONE + 1; i < FT_FMT_CNT; i++)
		if (!strcmp(name, formats[i].name))
			return (enum ft_format)i;
	return FT_FMT_NONE;
}

const char *ft_format_names(void)
{
	return "folded, svg, html, speedscope, pprof, firefox, page, perfetto, csv";
}

bool ft_format_is_session(enum ft_format fmt)
{
	return fmt == FT_FMT_PAGE || fmt == FT_FMT_PERFETTO || fmt == FT_FMT_CSV;
}

int ft_export(enum ft_format fmt, const struct ft_flame *f, struct ft_text *out)
{
	if (fmt <= FT_FMT_NONE || fmt >= FT_FMT_CNT || !formats[fmt].write)
		return -EINVAL;
	return formats[fmt].write(f, out);
}
