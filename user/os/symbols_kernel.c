/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's symbols: /proc/kallsyms, some 200,000 lines, kept compact. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/fileio.h"
#include "os/symbols_priv.h"

#define KALLSYMS_MAX (128u * 1024 * 1024)
/* There are no sizes: what is further from a symbol than any function is long has no name. */
#define FUNCTION_MAX (1024u * 1024)

struct ksym {
	__u64 addr;
	__u32 name;   /* offsets in the text */
	__u32 module; /* 0: the kernel itself */
	char type;    /* as nm says; upper case is global */
};

struct ft_ksyms {
	char *text;
	struct ksym *v;
	size_t cnt;
};

static bool is_code(char type)
{
	return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

/* "ffffffff81000000 T _text" or "... t name\t[module]"; false: not such a line. */
static bool parse_line(char *text, char *s, struct ksym *k)
{
	char *end, *name, *module;

	errno = 0;
	k->addr = strtoull(s, &end, 16);
	if (errno || end == s || end[0] != ' ' || !end[1] || end[2] != ' ' || !end[3])
		return false;
	k->type = end[1];
	name = end + 3;
	k->name = (__u32)(name - text);
	k->module = 0;
	module = strpbrk(name, "\t ");
	if (!module)
		return true;
	*module++ = 0;
	module += strspn(module, "\t ");
	if (module[0] == '[')
		k->module = (__u32)(module - text);
	return true;
}

/* Code before data, global before local; the text settles what is left. */
static int by_addr(const void *pa, const void *pb, void *text)
{
	const struct ksym *a = pa, *b = pb;
	bool ca = is_code(a->type), cb = is_code(b->type);
	bool ga = a->type == 'T', gb = b->type == 'T';

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if (ca != cb)
		return ca ? -1 : 1;
	if (ga != gb)
		return ga ? -1 : 1;
	return ft_symtab_name_cmp((char *)text + a->name, (char *)text + b->name);
}

int ft_ksyms_load(const char *path, struct ft_ksyms **out)
{
	struct ft_ksyms *k = calloc(1, sizeof(*k));
	char *line, *save = NULL;
	size_t cap = 0, len, i, n = 0;
	int err = -ENOMEM;

	*out = NULL;
	if (!k)
		return err;
	err = ft_read_file(path, KALLSYMS_MAX, &k->text, &len);
	if (err)
		goto out;
	for (line = strtok_r(k->text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct ksym sym;

		/* what is not in the kernel's half is an offset, or hidden as 0 */
		if (!parse_line(k->text, line, &sym) || !(sym.addr >> 63))
			continue;
		err = ft_array_reserve((void **)&k->v, &cap, k->cnt + 1, sizeof(*k->v));
		if (err)
			goto out;
		k->v[k->cnt++] = sym;
	}
	err = k->cnt ? 0 : -EPERM;
	if (err)
		goto out;
	qsort_r(k->v, k->cnt, sizeof(*k->v), by_addr, k->text);
	for (i = 0; i < k->cnt; i++) {
		if (!n || k->v[n - 1].addr != k->v[i].addr)
			k->v[n++] = k->v[i];
	}
	k->cnt = n;
out:
	if (err) {
		ft_ksyms_free(k);
		k = NULL;
	}
	*out = k;
	return err;
}

void ft_ksyms_find(const struct ft_ksyms *k, __u64 addr, const char **name, const char **module)
{
	size_t lo = 0, hi = k->cnt;

	*name = NULL;
	*module = NULL;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (k->v[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || !is_code(k->v[lo - 1].type) || addr - k->v[lo - 1].addr >= FUNCTION_MAX)
		return;
	*name = k->text + k->v[lo - 1].name;
	*module = k->v[lo - 1].module ? k->text + k->v[lo - 1].module : "[kernel]";
}

void ft_ksyms_free(struct ft_ksyms *k)
{
	if (!k)
		return;
	free(k->text);
	free(k->v);
	free(k);
}
