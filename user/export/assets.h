/* SPDX-License-Identifier: BSD-2-Clause */
/* The styles and scripts of what is drawn: the files of user/export/assets, NUL-terminated. */
#ifndef FT_EXPORT_ASSETS_H
#define FT_EXPORT_ASSETS_H

extern const char ft_asset_core_js[]; /* what all share; comes before the others */
extern const char ft_asset_svg_js[];
extern const char ft_asset_svg_css[];
/* What HTML pages share, in this order: their parts, a flame graph in one, their looks. */
extern const char ft_asset_parts_js[];
extern const char ft_asset_flame_js[];
extern const char ft_asset_html_css[];
extern const char ft_asset_html_js[]; /* the page of a flame graph; comes after these */
/* The timeline of a page, in this order, after parts.js. */
extern const char ft_asset_page_data_js[];
extern const char ft_asset_page_lanes_js[];
extern const char ft_asset_page_words_js[];
extern const char ft_asset_page_draw_js[];
extern const char ft_asset_page_input_js[];
extern const char ft_asset_page_time_js[];
extern const char ft_asset_page_pick_js[];
/* The rest of that page, after flame.js and in this order; page.css comes after html.css. */
extern const char ft_asset_page_flame_js[];
extern const char ft_asset_page_tables_js[];
extern const char ft_asset_page_shell_js[];
extern const char ft_asset_page_css[];

#endif
