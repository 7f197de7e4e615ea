/* SPDX-License-Identifier: BSD-2-Clause */
/* The files of user/export/assets; the Makefile turns each into a list of bytes. */
#include "export/assets.h"

const char ft_asset_core_js[] = {
#include <core.js.inc>
	0};
const char ft_asset_svg_js[] = {
#include <svg.js.inc>
	0};
const char ft_asset_svg_css[] = {
#include <svg.css.inc>
	0};
const char ft_asset_parts_js[] = {
#include <parts.js.inc>
	0};
const char ft_asset_flame_js[] = {
#include <flame.js.inc>
	0};
const char ft_asset_html_css[] = {
#include <html.css.inc>
	0};
const char ft_asset_html_js[] = {
#include <html.js.inc>
	0};

const char ft_asset_page_data_js[] = {
#include <page_data.js.inc>
	0};

const char ft_asset_page_lanes_js[] = {
#include <page_lanes.js.inc>
	0};

const char ft_asset_page_words_js[] = {
#include <page_words.js.inc>
	0};

const char ft_asset_page_draw_js[] = {
#include <page_draw.js.inc>
	0};

const char ft_asset_page_input_js[] = {
#include <page_input.js.inc>
	0};

const char ft_asset_page_time_js[] = {
#include <page_time.js.inc>
	0};

const char ft_asset_page_pick_js[] = {
#include <page_pick.js.inc>
	0};
const char ft_asset_page_flame_js[] = {
#include <page_flame.js.inc>
	0};
const char ft_asset_page_tables_js[] = {
#include <page_tables.js.inc>
	0};
const char ft_asset_page_shell_js[] = {
#include <page_shell.js.inc>
	0};
const char ft_asset_page_css[] = {
#include <page.css.inc>
	0};
