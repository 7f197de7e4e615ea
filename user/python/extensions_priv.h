/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files extensions*.c only. */
#ifndef FT_PYTHON_EXTENSIONS_PRIV_H
#define FT_PYTHON_EXTENSIONS_PRIV_H

#include "os/procfs.h"
#include "python/extensions.h"

#define FT_EXT_DATA_MAX 4

/* A mapped file that exports the initialiser of a module. */
struct ft_ext_file {
	const struct ft_mapping *map;
	__u64 lo, hi; /* where it lies in the process */
	struct {
		__u64 lo, hi;
	} data[FT_EXT_DATA_MAX]; /* the writable parts of that */
	size_t data_cnt;
	char init[128];	       /* what stands behind PyInit_, PyInitU_ or PyModExport_ */
	__u64 init_addr;       /* of that function */
	bool exports_slots;    /* it is PyModExport_ (3.15): returns slots, no definition */
	bool multi_phase;      /* wants PyModuleDef_Init, and not PyModule_Create */
	bool sets_gil;	       /* wants PyUnstable_Module_SetGIL */
	int unopened;	       /* -errno of opening it, else 0 */
	__u64 def;	       /* its definition as sys.modules has it, 0: not there */
	char name[128];	       /* the name there */
	enum ft_extgil md_gil; /* what the module object there says; free-threaded builds only */
};

/* The process and what is known of its interpreter. */
struct ft_ext_scan {
	int pid;
	const struct ft_runtime *rt;
	const struct ft_maps *maps;
	__u64 module_type; /* PyModule_Type, 0: not known */
	__u64 def_type;	   /* PyModuleDef_Type */
	__u64 dict_type;   /* PyDict_Type */
	struct ft_ext_file *file;
	size_t cnt, cap;
};

/* Looks the files' modules up in sys.modules of all interpreters. 0 or -errno. */
int ft_ext_live(struct ft_ext_scan *s);

enum ft_ext_slot {
	FT_ES_SINGLE,	/* the definition has no slots: single-phase initialisation */
	FT_ES_NONE,	/* it has, and none of them is Py_mod_gil */
	FT_ES_NOT_USED, /* Py_mod_gil is Py_MOD_GIL_NOT_USED */
	FT_ES_USED,
};

/*
 * What the definition of a file's module says, wherever that is found: f->def, the definitions in
 * the file's data, or where the initialiser's code points. -ENOENT: it was not found; -EBADMSG: its
 * slots cannot be read.
 */
int ft_ext_definition(const struct ft_ext_scan *s, const struct ft_ext_file *f,
		      enum ft_ext_slot *out);
/*
 * The addresses that x86-64 code (n bytes at `addr`) loads relative to itself, each with whether
 * it is a pointer to the thing (through the GOT) rather than the thing. At most max; the number.
 */
struct ft_ext_ref {
	__u64 addr;
	bool indirect;
};
size_t ft_ext_refs(const __u8 *code, size_t n, __u64 addr, struct ft_ext_ref *out, size_t max);

/* The last part of a dotted name. */
const char *ft_ext_last(const char *name);

#endif
