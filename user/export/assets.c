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
