/* SPDX-License-Identifier: BSD-2-Clause */
/* The styles and scripts of drawn flames: the files of user/export/assets, NUL-terminated. */
#ifndef FT_EXPORT_ASSETS_H
#define FT_EXPORT_ASSETS_H

extern const char ft_asset_core_js[]; /* what both pictures share; comes before the next two */
extern const char ft_asset_svg_js[];
extern const char ft_asset_html_js[];
extern const char ft_asset_svg_css[];
extern const char ft_asset_html_css[];

#endif
