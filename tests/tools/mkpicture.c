// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writes a flame that is made by hand as .svg or .html, for tests that look at the picture.
 *
 *     mkpicture demo|diff|hostile|empty|deep OUT
 *     mkpicture big NODES OUT
 *
 * demo: a web service of 12.345 s; what the browser test counts on is said at demo().
 */
#include <errno.h>

#include "../unit/flame_fixture.h"
#include "export/export.h"

#define MS 1000000ull
#define APP "/srv/shop/app.py"
#define LIBC "/usr/lib/x86_64-linux-gnu/libc.so.6"

static __u32 frame(struct flame_fixture *b, __u8 kind, const char *name, const char *file,
		   __u32 line)
{
	return fx_frame(b, name, file, line, line, kind);
}

static __u32 node(struct flame_fixture *b, __u32 parent, __u32 fr, __u64 self_ns)
{
	return fx_node(b, parent, fr, self_ns, self_ns / (5 * MS));
}

/* Sums; the base's are scaled to the same total, as ft_flame_diff() does. */
static void add_up(struct flame_fixture *b)
{
	struct ft_flame_node *n = b->f.node;
	__u64 base = 0;
	size_t i;

	fx_sum(b);
	for (i = 0; i < b->f.node_cnt; i++)
		base += n[i].base_self_ns;
	for (i = b->f.node_cnt; base && i--;) {
		n[i].base_self_ns =
			(__u64)((double)n[i].base_self_ns * (double)b->f.total_ns / (double)base);
		n[i].base_ns += n[i].base_self_ns;
		if (i)
			n[n[i].parent].base_ns += n[i].base_ns;
	}
}

static void add_info(struct flame_fixture *b, const char *cmdline)
{
	struct ft_session_info *info = &b->info;

	snprintf(info->name, sizeof(info->name), "shop");
	snprintf(info->cmdline, sizeof(info->cmdline), "%s", cmdline);
	snprintf(info->python, sizeof(info->python), "3.14.6");
	info->pid = 4711;
	info->gil = FT_GIL_ON;
	b->f.duration_ns = 10000 * MS;
}

/*
 * 12.345 s. "render" stands on 4 s + 1 s of it, of which 0.5 s are a render inside a render: the
 * share of a search is 5 s, 40.5 %. "parse_json" has 3.5 s with its callees, 28.4 %.
 */
static void demo(struct flame_fixture *b, bool differs)
{
	__u32 f_main, f_serve, f_render, f_inner, f_sql, f_parse, f_crc, f_memcpy, f_write, f_vfs;
	__u32 f_idle, f_helper, f_lambda, serve, render, sql, parse, n, m, helper;
	char name[32];
	int i;

	add_info(b, "/usr/bin/python3 /srv/shop/app.py --workers 4 --listen 0.0.0.0:8080");
	f_main = frame(b, FT_FK_PYTHON, "<module>", APP, 1);
	f_serve = frame(b, FT_FK_PYTHON, "Server.serve_forever", "/srv/shop/server.py", 120);
	f_render = frame(b, FT_FK_PYTHON, "Page.render", "/srv/shop/page.py", 31);
	f_inner = frame(b, FT_FK_PYTHON, "Page.render_row", "/srv/shop/page.py", 77);
	f_sql = frame(b, FT_FK_PYTHON, "Store.fetch_all", "/srv/shop/store.py", 204);
	f_parse = frame(b, FT_FK_PYTHON, "parse_json", "/srv/shop/wire.py", 12);
	f_crc = frame(b, FT_FK_NATIVE, "crc32_z", "/usr/lib/x86_64-linux-gnu/libz.so.1.2.13", 0);
	f_memcpy = frame(b, FT_FK_NATIVE, "__memmove_avx_unaligned_erms", LIBC, 0);
	f_write = frame(b, FT_FK_NATIVE, "write", LIBC, 0);
	f_vfs = frame(b, FT_FK_KERNEL, "vfs_write", "", 0);
	f_idle = frame(b, FT_FK_MARK, "[asleep: epoll_wait]", "", 0);
	f_helper = frame(b, FT_FK_PYTHON, "helper", "/srv/shop/util.py", 9);
	f_lambda = frame(b, FT_FK_PYTHON, "sorted.<locals>.<lambda>", "/srv/shop/util.py", 44);

	n = node(b, 0, f_main, 45 * MS);
	serve = node(b, n, f_serve, 300 * MS);
	render = node(b, serve, f_render, 900 * MS);
	m = node(b, render, f_inner, 1000 * MS);
	node(b, m, f_memcpy, 600 * MS);
	node(b, m, f_render, 500 * MS); /* in itself */
	node(b, render, f_lambda, 1000 * MS);
	sql = node(b, serve, f_sql, 700 * MS);
	m = node(b, sql, f_write, 300 * MS);
	node(b, m, f_vfs, 800 * MS);
	m = node(b, sql, f_parse, 1500 * MS);
	node(b, m, f_crc, 1200 * MS);
	node(b, m, f_memcpy, 300 * MS);
	parse = node(b, n, f_parse, 500 * MS);
	helper = node(b, n, f_helper, 700 * MS);
	node(b, helper, f_render, 1000 * MS);
	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "task_%02d", i);
		m = node(b, helper,
			 frame(b, FT_FK_PYTHON, name, "/srv/shop/tasks.py", (__u32)(10 + i)),
			 (__u64)(2 + i % 7) * MS);
	}
	node(b, 0, f_idle, 805 * MS);
	if (differs) {
		for (i = 1; i < (int)b->f.node_cnt; i++)
			b->f.node[i].base_self_ns =
				b->f.node[i].self_ns * (__u64)(50 + i * 37 % 101) / 100;
		b->f.node[parse].base_self_ns = 0;
		node(b, serve, frame(b, FT_FK_PYTHON, "Cache.lookup", "/srv/shop/cache.py", 5), 0);
		b->f.node[b->f.node_cnt - 1].base_self_ns = 900 * MS;
		b->f.differs = true;
	}
	add_up(b);
	b->f.sampled_ns = b->f.total_ns / 100 * 98;
}

static const char *const hostile_names[] = {
	"</script><script>alert(1)</script>",
	"<img src=x onerror=alert(2)>",
	"]]><script>alert(3)</script>",
	"</title></svg><script>alert(4)</script>",
	"\" onload=\"alert(5)\" x='",
	"' onmouseover='alert(6)",
	"&lt;b&gt; &#60; &amp;",
	"line\nfeed\ttab\rreturn",
	"bell\x07 esc\x1b[31m del\x7f c1\xc2\x9b",
	"bidi\xe2\x80\xae"
	"gpj.exe\xe2\x81\xa6\xe2\x81\xa9",
	"u2028\xe2\x80\xa8u2029\xe2\x80\xa9",
	"not a character \xef\xbf\xbf \xef\xbf\xbe",
	"\xe6\xbc\xa2\xe5\xad\x97\xe3\x81\xae\xe5\x90\x8d \xf0\x9f\x90\x8d "
	"\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
	"<!--<script>",
	"${alert(7)} `x` \\",
	"javascript:alert(8)",
};

static void hostile(struct flame_fixture *b)
{
	size_t i, cnt = sizeof(hostile_names) / sizeof(hostile_names[0]);
	char big[FT_FRAME_STRING_MAX + 1];
	__u32 n;

	memset(big, '<', FT_FRAME_STRING_MAX);
	big[FT_FRAME_STRING_MAX] = 0;
	add_info(b, "python3 '</code></p><script>alert(9)</script>' \x1b]0;x\x07");
	snprintf(b->info.name, sizeof(b->info.name), "<b>\"&'\x1b");
	snprintf(b->info.gil_enabled_by, sizeof(b->info.gil_enabled_by), "</b><i>\xff");
	b->info.gil = FT_GIL_ENABLED;
	for (i = 0; i < cnt; i++) {
		n = node(b, 0,
			 frame(b, (__u8)(i % FT_FK_CNT), hostile_names[i],
			       hostile_names[cnt - 1 - i], (__u32)i),
			 100 * MS);
		node(b, n, frame(b, FT_FK_PYTHON, big, big, 1), 50 * MS);
	}
	add_up(b);
}

static void deep(struct flame_fixture *b)
{
	__u32 n = 0, f = frame(b, FT_FK_PYTHON, "descend", APP, 7);
	int i;

	add_info(b, "python3 deep.py");
	for (i = 0; i < FT_PY_DEPTH + FT_USER_DEPTH + FT_KERN_DEPTH; i++)
		n = node(b, n, f, MS);
	add_up(b);
}

/* A tree of so many nodes and a few thousand functions, the same each time. */
static void big(struct flame_fixture *b, long nodes)
{
	__u32 seed = 12345, parent, cnt = 3000, i;
	char name[24];

	add_info(b, "python3 big.py");
	for (i = 0; i < cnt; i++) {
		snprintf(name, sizeof(name), "module%u.f%u", i % 40, i);
		frame(b, (__u8)(i % 10 == 9 ? FT_FK_NATIVE : FT_FK_PYTHON), name,
		      "/srv/big/lib/python3.14/site-packages/pkg/module.py", i);
	}
	for (i = 1; i < (__u32)nodes; i++) {
		seed = seed * 1664525u + 1013904223u;
		parent = i < 8 ? i - 1 : i - 1 - (seed >> 8) % (i < 4000 ? i / 2 : 2000);
		node(b, parent, (seed >> 4) % cnt, (1 + (seed >> 12) % 100) * MS);
	}
	add_up(b);
}

static int make(struct flame_fixture *b, int argc, char **argv)
{
	const char *what = argv[1];

	fx_init(b, FT_OF_ON_CPU);
	if (!strcmp(what, "big") && argc == 4)
		big(b, strtol(argv[2], NULL, 10));
	else if (argc != 3)
		return -EINVAL;
	else if (!strcmp(what, "demo") || !strcmp(what, "diff"))
		demo(b, what[1] == 'i');
	else if (!strcmp(what, "hostile"))
		hostile(b);
	else if (!strcmp(what, "deep"))
		deep(b);
	else if (!strcmp(what, "empty"))
		add_up(b);
	else
		return -EINVAL;
	return 0;
}

int main(int argc, char **argv)
{
	const char *path = argv[argc - 1], *dot;
	struct ft_text t = {0};
	struct flame_fixture b;
	FILE *out;
	int err;

	if (argc < 3 || make(&b, argc, argv)) {
		fputs("usage: mkpicture demo|diff|hostile|empty|deep OUT\n"
		      "       mkpicture big NODES OUT\n",
		      stderr);
		return 2;
	}
	dot = strrchr(path, '.');
	err = dot && !strcmp(dot, ".html") ? ft_export_html(&b.f, &t) : ft_export_svg(&b.f, &t);
	fx_free(&b);
	if (err) {
		fprintf(stderr, "mkpicture: %s\n", strerror(-err));
		return 1;
	}
	out = fopen(path, "w");
	if (!out || fwrite(t.s, 1, t.len, out) != t.len || fclose(out)) {
		perror(path);
		return 1;
	}
	ft_text_free(&t);
	return 0;
}
