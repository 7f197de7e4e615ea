// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whose a dict of a live process is. A dict does not point to its owner, but something in it mostly
 * does, and the owner points back to the dict: that decides, and it is asked again when the name
 * has been read, since memory may be given to something else meanwhile.
 */
#include "python/dictowner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/mem.h"
#include "python/dict_priv.h"
#include "python/locknames.h"

#define ENTRIES_MAX (1u << 14) /* a dict with more is data */
#define VALUES_MAX 1024	       /* that are looked at */
#define KEYS_MAX 256	       /* likewise; a module's own names come first */
#define MODULES_MAX 8192
#define INTERPS_MAX 16
#define NAME_MAX_SZ 128

/* PyTypeObject behind tp_name, 3.13 to 3.15 in both builds (Include/cpython/object.h) */
#define TP_FLAGS 144u
#define TP_DICT 240u
#define UNICODE_SUBCLASS (1ull << 28) /* Py_TPFLAGS_* */
#define DICT_SUBCLASS (1ull << 29)
#define TYPE_SUBCLASS (1ull << 31)

struct looker {
	int pid;
	const struct ft_runtime *rt;
	__u64 dict;
	const struct ft_dict_entry *entry;
	size_t cnt;
};

static bool read_word(const struct looker *l, __u64 addr, __u64 *out)
{
	return !(addr & 7) && addr >= 4096 && !ft_mem_read(l->pid, addr, out, sizeof(*out));
}

/* Does an object's type, which is a type, have this flag? Metaclasses derive from type. */
static bool has_flag(const struct looker *l, __u64 obj, __u64 flag)
{
	__u64 type, meta, meta_type, flags;

	if (!obj || !read_word(l, obj + l->rt->off.ob_type, &type) ||
	    !read_word(l, type + l->rt->off.ob_type, &meta))
		return false;
	if (meta != l->rt->type_type &&
	    (!read_word(l, meta + l->rt->off.ob_type, &meta_type) ||
	     meta_type != l->rt->type_type ||
	     !read_word(l, meta + l->rt->off.tp_name + TP_FLAGS, &flags) ||
	     !(flags & TYPE_SUBCLASS)))
		return false;
	return read_word(l, type + l->rt->off.tp_name + TP_FLAGS, &flags) && flags & flag;
}

/* The first word behind an object's head. */
static bool first_word(const struct looker *l, __u64 obj, __u64 *out)
{
	return read_word(l, obj + l->rt->off.ob_size, out);
}

/* Is this a class, and the dict its namespace? A static type keeps it elsewhere (3.12 and later) */
static bool is_namespace_of(const struct looker *l, __u64 type)
{
	__u64 dict;

	return read_word(l, type + l->rt->off.tp_name + TP_DICT, &dict) && dict == l->dict &&
	       has_flag(l, type, TYPE_SUBCLASS);
}

static int say_class(const struct looker *l, __u64 type, char *buf, size_t sz)
{
	char name[NAME_MAX_SZ];
	__u64 addr, again;

	if (!read_word(l, type + l->rt->off.tp_name, &addr))
		return -ENOENT;
	if (ft_mem_string(l->pid, addr, name, sizeof(name)) || !name[0])
		return -ENOENT;
	/* a class may be renamed, or die */
	if (!is_namespace_of(l, type) || !read_word(l, type + l->rt->off.tp_name, &again) ||
	    again != addr)
		return -ENOENT;
	snprintf(buf, sz, "class %s", name);
	return 0;
}

/*
 * A class's descriptors (those of __dict__, __weakref__ and __slots__) begin with d_type, the
 * class. So does nothing else whose first word's namespace is this very dict.
 *
 * What begins with the dict itself stands in a module's: its functions (func_globals), and the
 * module (md_dict). That comes out in *self.
 */
static int find_class(const struct looker *l, __u64 *self, char *buf, size_t sz)
{
	size_t i;

	*self = 0;
	for (i = 0; i < l->cnt && i < VALUES_MAX; i++) {
		__u64 value = l->entry[i].value, word;

		if (!l->entry[i].key || !value || !first_word(l, value, &word))
			continue;
		if (word == l->dict)
			*self = value;
		else if (is_namespace_of(l, word))
			return say_class(l, word, buf, sz);
	}
	return -ENOENT;
}

static bool is_str(const struct looker *l, __u64 obj, const char *s)
{
	char text[NAME_MAX_SZ];

	return !ft_dict_str(l->pid, l->rt, obj, text, sizeof(text)) && !strcmp(text, s) &&
	       has_flag(l, obj, UNICODE_SUBCLASS);
}

/* Most strings are told apart by this alone, in a single read. */
static bool read_length(const struct looker *l, __u64 str, __u64 *out)
{
	return read_word(l, str + l->rt->off.py.str_length, out);
}

/* What the keys of a namespace say. */
struct names {
	__u64 name, module; /* values of __name__ and __module__, 0: none, or no str */
	bool imported;	    /* it has a name that the import system or exec() gives */
};

static void read_names(const struct looker *l, struct names *out)
{
	__u64 length;
	size_t i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < l->cnt && i < KEYS_MAX; i++) {
		__u64 key = l->entry[i].key, value = l->entry[i].value;

		if (!key || !value || !read_length(l, key, &length) ||
		    length < strlen("__name__") || length > strlen("__builtins__"))
			continue;
		if (is_str(l, key, "__name__"))
			out->name = has_flag(l, value, UNICODE_SUBCLASS) ? value : 0;
		else if (is_str(l, key, "__module__"))
			out->module = has_flag(l, value, UNICODE_SUBCLASS) ? value : 0;
		else if (is_str(l, key, "__spec__") || is_str(l, key, "__loader__") ||
			 is_str(l, key, "__builtins__"))
			out->imported = true;
	}
}

/* Calls `found` for what is in sys.modules of all interpreters, until it says true. */
static bool any_module(const struct looker *l,
		       bool (*found)(const struct looker *l, const struct ft_dict_entry *e,
				     __u64 md_dict, void *ctx),
		       void *ctx)
{
	struct ft_interp_range interp[INTERPS_MAX];
	int i, n = ft_interps_find(l->pid, l->rt, interp, INTERPS_MAX);
	__u64 modules, md_dict;
	bool done = false;

	for (i = 0; i < n && !done; i++) {
		struct ft_dict_entry *entry = NULL;
		size_t j, cnt;

		if (!read_word(l, interp[i].addr + l->rt->off.interp_modules, &modules) ||
		    !has_flag(l, modules, DICT_SUBCLASS) ||
		    ft_dict_read(l->pid, l->rt, modules, MODULES_MAX, &entry, &cnt))
			continue;
		for (j = 0; j < cnt && !done; j++)
			done = entry[j].key && first_word(l, entry[j].value, &md_dict) &&
			       found(l, &entry[j], md_dict, ctx);
		free(entry);
	}
	return done;
}

static bool is_its_module(const struct looker *l, const struct ft_dict_entry *e, __u64 md_dict,
			  void *ctx)
{
	*(__u64 *)ctx = e->value;
	return md_dict == l->dict;
}

static int find_globals(const struct looker *l, const struct names *names, __u64 self, char *buf,
			size_t sz)
{
	char name[NAME_MAX_SZ];
	__u64 word;

	if (!names->name || !names->imported || (!self && !any_module(l, is_its_module, &self)))
		return -ENOENT;
	if (ft_dict_str(l->pid, l->rt, names->name, name, sizeof(name)) || !name[0])
		return -ENOENT;
	if (!has_flag(l, names->name, UNICODE_SUBCLASS) || !first_word(l, self, &word) ||
	    word != l->dict || !has_flag(l, l->dict, DICT_SUBCLASS))
		return -ENOENT;
	snprintf(buf, sz, "globals of %s", name);
	return 0;
}

/* A class that is looked for in the module that it says it is from. */
struct sought {
	char module[NAME_MAX_SZ];
	__u64 length;
	__u64 type; /* 0: not found */
};

static bool has_class(const struct looker *l, const struct ft_dict_entry *e, __u64 md_dict,
		      void *ctx)
{
	struct ft_dict_entry *entry = NULL;
	struct sought *s = ctx;
	size_t i, cnt = 0;
	__u64 length;

	if (!read_length(l, e->key, &length) || length != s->length ||
	    !is_str(l, e->key, s->module) || !has_flag(l, md_dict, DICT_SUBCLASS) ||
	    ft_dict_read(l->pid, l->rt, md_dict, ENTRIES_MAX, &entry, &cnt))
		return false;
	for (i = 0; i < cnt && i < VALUES_MAX && !s->type; i++) {
		if (entry[i].key && entry[i].value && is_namespace_of(l, entry[i].value))
			s->type = entry[i].value;
	}
	free(entry);
	return s->type != 0;
}

/* One that derives from a class with a __dict__ has no descriptor of its own that would tell. */
static int find_subclass(const struct looker *l, const struct names *names, char *buf, size_t sz)
{
	struct sought s = {.type = 0};

	if (!names->module || !read_length(l, names->module, &s.length) ||
	    ft_dict_str(l->pid, l->rt, names->module, s.module, sizeof(s.module)) ||
	    !any_module(l, has_class, &s))
		return -ENOENT;
	return say_class(l, s.type, buf, sz);
}

int ft_dict_owner(int pid, const struct ft_runtime *rt, __u64 dict, char *buf, size_t sz)
{
	struct looker l = {.pid = pid, .rt = rt, .dict = dict};
	struct ft_dict_entry *entry = NULL;
	struct names names;
	__u64 word, self;
	int err;

	if (!sz)
		return -EINVAL;
	buf[0] = 0;
	if (rt->no_offsets || !rt->type_type || rt->hex >> 16 < 0x30d || rt->hex >> 16 > 0x30f)
		return -EOPNOTSUPP;
	/* this tells a process that is gone, or not ours to look at, from a bad address */
	err = ft_mem_read(pid, rt->type_type, &word, sizeof(word));
	if (err == -ESRCH || err == -EPERM)
		return err;
	if (!has_flag(&l, dict, DICT_SUBCLASS))
		return -ENOENT;
	err = ft_dict_read(pid, rt, dict, ENTRIES_MAX, &entry, &l.cnt);
	if (!err) {
		l.entry = entry;
		err = find_class(&l, &self, buf, sz);
		if (err == -ENOENT) {
			read_names(&l, &names);
			err = find_globals(&l, &names, self, buf, sz);
		}
		if (err == -ENOENT)
			err = find_subclass(&l, &names, buf, sz);
	}
	free(entry);
	return err == -EBADMSG || err == -EFAULT ? -ENOENT : err;
}
