/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PyModuleDef in the memory of a process, and its slots.
 *
 * struct PyModuleDef is the same in 3.13 to 3.15 (Include/moduleobject.h): an object's head, three
 * words (m_init, m_index, m_copy), m_name, m_doc, m_size, m_methods, m_slots. Its type is set by
 * PyModuleDef_Init(), which PyModule_Create() calls too: from then on it is found by it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "os/mem.h"
#include "python/extensions_priv.h"

#define CHUNK (256u * 1024)
#define DATA_MAX (64u * 1024 * 1024) /* that is searched of a file */
#define SLOTS_MAX 128
#define NESTING_MAX 5 /* _PySlot_MAX_NESTING of 3.15 */
#define CODE_MAX 96
#define REFS_MAX 8
#define JUMPS_MAX 4

enum {
	WORD_INDEX = 1, /* behind the object's head */
	WORD_NAME = 3,
	WORD_SLOTS = 7,
	DEF_WORDS = 8,
};

struct def {
	__u64 type;
	__u64 word[DEF_WORDS];
};

const char *ft_ext_last(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

static int read_def(const struct ft_ext_scan *s, __u64 addr, struct def *d)
{
	int err = ft_mem_read(s->pid, addr + s->rt->off.ob_type, &d->type, sizeof(d->type));

	if (!err)
		err = ft_mem_read(s->pid, addr + s->rt->off.ob_size, d->word, sizeof(d->word));
	return err;
}

/* Whether a definition's name is the one that the initialiser has. */
static bool is_named(const struct ft_ext_scan *s, const struct def *d, const char *name)
{
	char buf[256];

	return d->word[WORD_NAME] && !ft_mem_string(s->pid, d->word[WORD_NAME], buf, sizeof(buf)) &&
	       !strcmp(ft_ext_last(buf), name);
}

/*
 * Slots are 16 bytes, {int slot; void *value}; of 3.15 {uint16_t id; uint16_t flags; uint32_t;
 * value}, or the old form, with other numbers too and with lists in lists. 1: *gil is set; 0: there
 * is no such slot.
 */
static int read_slots(const struct ft_ext_scan *s, __u64 addr, int depth, enum ft_ext_slot *gil)
{
	bool nests = s->rt->hex >= 0x030f0000;
	__u64 slot[2];
	size_t i;
	int err;

	if (depth >= NESTING_MAX || addr % 8)
		return -EBADMSG;
	for (i = 0; i < SLOTS_MAX; i++) {
		__u32 id;

		err = ft_mem_read(s->pid, addr + i * sizeof(slot), slot, sizeof(slot));
		if (err)
			return err == -EFAULT ? -EBADMSG : err;
		id = (__u32)slot[0];
		if (nests)
			id &= 0xffff;
		if (!id)
			return 0;
		if (id == 4 || (nests && id == 87)) { /* Py_mod_gil */
			if (slot[1] > 1)
				return -EBADMSG;
			*gil = slot[1] ? FT_ES_NOT_USED : FT_ES_USED;
			return 1;
		}
		/* Py_slot_subslots, Py_mod_slots */
		if (nests && (id == 92 || id == 94) && slot[1]) {
			err = read_slots(s, slot[1], depth + 1, gil);
			if (err)
				return err;
		}
	}
	return -EBADMSG;
}

static int judge_slots(const struct ft_ext_scan *s, __u64 addr, enum ft_ext_slot *out)
{
	int got = read_slots(s, addr, 0, out);

	if (!got)
		*out = FT_ES_NONE;
	return got < 0 ? got : 0;
}

static int judge(const struct ft_ext_scan *s, const struct def *d, enum ft_ext_slot *out)
{
	if (d->word[WORD_SLOTS])
		return judge_slots(s, d->word[WORD_SLOTS], out);
	*out = FT_ES_SINGLE;
	return 0;
}

/* What a search of the data has come upon. */
struct hits {
	struct def def; /* the one of the right name, else the first */
	size_t cnt;
	bool named;
};

static void look_at(const struct ft_ext_scan *s, const struct ft_ext_file *f, __u64 addr,
		    struct hits *h)
{
	struct def d;
	bool named;

	if (h->named || read_def(s, addr, &d) || d.type != s->def_type || !d.word[WORD_INDEX])
		return;
	named = is_named(s, &d, f->init);
	if (named || !h->cnt)
		h->def = d;
	h->named = named;
	h->cnt++;
}

/* Searches the data of a file for definitions that have been initialised. */
static int search_data(const struct ft_ext_scan *s, const struct ft_ext_file *f, struct def *out)
{
	struct hits h = {.cnt = 0};
	size_t i, j, n, left = DATA_MAX;
	__u64 *buf, at;

	if (!s->def_type)
		return -ENOENT;
	buf = malloc(CHUNK);
	if (!buf)
		return -ENOMEM;
	for (i = 0; i < f->data_cnt; i++) {
		at = (f->data[i].lo + 7) & ~7ull;
		for (; at < f->data[i].hi && left; at += n) {
			n = f->data[i].hi - at < CHUNK ? (size_t)(f->data[i].hi - at) : CHUNK;
			left -= n < left ? n : left;
			if (ft_mem_read(s->pid, at, buf, n))
				continue;
			for (j = 0; j < n / 8; j++) {
				if (buf[j] == s->def_type)
					look_at(s, f, at + 8 * j - s->rt->off.ob_type, &h);
			}
		}
	}
	free(buf);
	/* of several that are named otherwise none can be chosen */
	if (!h.named && h.cnt != 1)
		return -ENOENT;
	*out = h.def;
	return 0;
}

size_t ft_ext_refs(const __u8 *code, size_t n, __u64 addr, struct ft_ext_ref *out, size_t max)
{
	size_t i, cnt = 0;
	__s32 rel;

	for (i = 0; i + 7 <= n && cnt < max; i++) {
		/* REX.W, lea or mov, disp32(%rip): what is something else is refused by the caller
		 */
		if ((code[i] & 0xf8) != 0x48 || (code[i + 1] != 0x8d && code[i + 1] != 0x8b) ||
		    (code[i + 2] & 0xc7) != 0x05)
			continue;
		memcpy(&rel, code + i + 3, sizeof(rel));
		out[cnt].addr = addr + i + 7 + (__u64)(__s64)rel;
		out[cnt].indirect = code[i + 1] == 0x8b;
		cnt++;
	}
	return cnt;
}

#ifdef __x86_64__
/* Bytes of the initialiser's code, behind jumps that only lead to it. */
static int read_code(const struct ft_ext_scan *s, const struct ft_ext_file *f, __u8 code[CODE_MAX],
		     size_t *n, __u64 *addr)
{
	static const __u8 endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	int jumps, err;
	__s32 rel;

	*addr = f->init_addr;
	for (jumps = 0; jumps < JUMPS_MAX; jumps++) {
		size_t skip;

		if (*addr < f->lo || *addr >= f->hi)
			return -ENOENT;
		*n = f->hi - *addr < CODE_MAX ? (size_t)(f->hi - *addr) : CODE_MAX;
		err = ft_mem_read(s->pid, *addr, code, *n);
		if (err)
			return err;
		skip = *n >= 4 && !memcmp(code, endbr64, 4) ? 4 : 0;
		if (*n < skip + 5 || code[skip] != 0xe9)
			return 0;
		memcpy(&rel, code + skip + 1, sizeof(rel));
		*addr += skip + 5 + (__u64)(__s64)rel;
	}
	return -ENOENT;
}
#else
static int read_code(const struct ft_ext_scan *s, const struct ft_ext_file *f, __u8 code[CODE_MAX],
		     size_t *n, __u64 *addr)
{
	(void)s, (void)f, (void)code, (void)n, (void)addr;
	return -ENOENT;
}
#endif

/* What the initialiser's code points at: a definition of the right name, or slots. */
static int decode(const struct ft_ext_scan *s, const struct ft_ext_file *f, enum ft_ext_slot *out)
{
	struct ft_ext_ref ref[REFS_MAX];
	__u8 code[CODE_MAX];
	struct def d;
	__u64 addr;
	size_t i, n, cnt;
	int err = read_code(s, f, code, &n, &addr);

	if (err)
		return err;
	cnt = ft_ext_refs(code, n, addr, ref, REFS_MAX);
	for (i = 0; i < cnt; i++) {
		addr = ref[i].addr;
		if (addr < f->lo || addr >= f->hi ||
		    (ref[i].indirect && ft_mem_read(s->pid, addr, &addr, sizeof(addr))))
			continue;
		if (addr < f->lo || addr >= f->hi)
			continue;
		/* the code ends here: what it returns is the first thing that it points at */
		if (f->exports_slots)
			return judge_slots(s, addr, out);
		if (!read_def(s, addr, &d) && is_named(s, &d, f->init))
			return judge(s, &d, out);
	}
	return -ENOENT;
}

int ft_ext_definition(const struct ft_ext_scan *s, const struct ft_ext_file *f,
		      enum ft_ext_slot *out)
{
	struct def d;
	int err;

	if (f->exports_slots)
		return decode(s, f, out);
	if (f->def && !read_def(s, f->def, &d) && (!s->def_type || d.type == s->def_type))
		return judge(s, &d, out);
	err = search_data(s, f, &d);
	if (!err)
		return judge(s, &d, out);
	return err == -ENOENT ? decode(s, f, out) : err;
}
