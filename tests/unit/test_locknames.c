/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests of the names of the runtime's locks, of the list of interpreters and of the count of
 * garbage collections. The truth is the debug information of the builds and what Python says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>

#include "py_child.h"
#include "python/locknames.h"

#define FT "build/python/ft/bin/python3"
#define FT313 "build/python/ft313/bin/python3"
#define GIL "build/python/gil/bin/python3"
#define GIL313 "build/python/gil313/bin/python3"
#define SCRIPT "import sys; print(1, flush=True); sys.stdin.read()"

static struct py_child child;
static struct ft_interp_range interps[8];
static int interp_cnt;

static void start(const char *python, bool strip, const char *script)
{
	if (!py_start(&child, python, strip, script)) {
		print_message("no %s: make pythons\n", python);
		skip();
	}
	interp_cnt = ft_interps_find(child.pid, &child.rt, interps, 8);
	assert_true(interp_cnt > 0);
}

static int teardown(void **state)
{
	(void)state;
	py_stop(&child);
	return 0;
}

/* The structure behind typedefs, arrays and qualifiers. */
static bool peel(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die to;

	while (dwarf_tag(die) != DW_TAG_structure_type) {
		if (!dwarf_attr_integrate(die, DW_AT_type, &attr) || !dwarf_formref_die(&attr, &to))
			return false;
		*die = to;
	}
	return true;
}

/* A structure that is declared whole in one of the compilation units. */
static bool find_struct(Dwarf *dw, const char *name, Dwarf_Die *out)
{
	Dwarf_Off off = 0, next;
	size_t head;

	while (!dwarf_nextcu(dw, off, &next, &head, NULL, NULL, NULL)) {
		Dwarf_Die cu, die;

		if (dwarf_offdie(dw, off + head, &cu) && !dwarf_child(&cu, &die)) {
			do {
				const char *s = dwarf_diename(&die);

				if (dwarf_tag(&die) != DW_TAG_structure_type || !s ||
				    strcmp(s, name) || dwarf_hasattr(&die, DW_AT_declaration))
					continue;
				*out = die;
				return true;
			} while (!dwarf_siblingof(&die, &die));
		}
		off = next;
	}
	return false;
}

/* "types.mutex" in a structure: its offset. */
static bool member(Dwarf_Die type, const char *path, __u64 *off)
{
	char part[64];

	*off = 0;
	for (;;) {
		size_t n = strcspn(path, ".");
		Dwarf_Attribute attr;
		Dwarf_Word at = 0;
		Dwarf_Die die;

		snprintf(part, sizeof(part), "%.*s", (int)n, path);
		if (!peel(&type) || dwarf_child(&type, &die))
			return false;
		while (!dwarf_diename(&die) || strcmp(dwarf_diename(&die), part)) {
			if (dwarf_siblingof(&die, &die))
				return false;
		}
		if (!dwarf_attr(&die, DW_AT_data_member_location, &attr) ||
		    dwarf_formudata(&attr, &at))
			return false;
		*off += at;
		if (!path[n])
			return true;
		path += n + 1;
		if (!dwarf_attr(&die, DW_AT_type, &attr) || !dwarf_formref_die(&attr, &type))
			return false;
	}
}

struct lock {
	const char *path;
	const char *name;
	bool runtime;
};

/* In every build. */
static const struct lock common[] = {
	{"types.mutex", "type lock (TYPE_LOCK)", false},
	{"imports.lock", "import lock", false},
	{"stoptheworld.mutex", "stop-the-world", false},
	{"qsbr.mutex", "table of threads (QSBR)", false},
	{"ceval.pending.mutex", "pending calls", false},
	{"mem_free_queue.mutex", "delayed frees", false},
	{"interpreters.mutex", "list of threads and interpreters (HEAD_LOCK)", true},
	{"allocators.mutex", "memory allocators", true},
	{"imports.extensions.mutex", "table of extension modules", true},
	{"stoptheworld_mutex", "stop-the-world (all interpreters)", true},
	{"audit_hooks.mutex", "audit hooks", true},
	{"unicode_state.ids.mutex", "identifier strings", true},
	{NULL, NULL, false},
};

static const struct lock free_threaded[] = {
	{"weakref_locks", "weak references", false},
	{"brc.table", "merging of reference counts", false},
	{"code_state.mutex", "code constants", false},
	{"func_state.mutex", "function versions", false},
	{NULL, NULL, false},
};

static const struct lock free_threaded314[] = {
	{"cached_objects.interned_mutex", "interned strings", false},
	{"asyncio_tasks_lock", "asyncio tasks", false},
	{"tlbc_indices.mutex", "copies of bytecode for threads", false},
	{"gc.mutex", "memory check of the garbage collector", false},
	{"tracemalloc.tables_lock", "tracemalloc", true},
	{NULL, NULL, false},
};

static void check_lock(__u64 addr, const char *name, const char *base, __u64 off)
{
	char got[96], where[96], want[96];

	assert_int_equal(ft_lock_name(child.pid, &child.rt, interps, (size_t)interp_cnt, addr, got,
				      sizeof(got), where, sizeof(where)),
			 0);
	snprintf(want, sizeof(want), "%s+0x%llx", base, (unsigned long long)off);
	assert_string_equal(got, name);
	assert_string_equal(where, want);
}

static void check_locks(Dwarf *dw, const struct lock *lock)
{
	Dwarf_Die interp, runtime;
	__u64 off;

	assert_true(find_struct(dw, "_is", &interp));
	assert_true(find_struct(dw, "pyruntimestate", &runtime));
	for (; lock->path; lock++) {
		if (!member(lock->runtime ? runtime : interp, lock->path, &off))
			fail_msg("no %s in the debug information", lock->path);
		check_lock((lock->runtime ? child.rt.runtime : child.rt.main_interp) + off,
			   lock->name, lock->runtime ? "runtime" : "interpreter", off);
	}
}

static Dwarf *open_debug(const char *python, int *fd)
{
	Dwarf *dw;

	*fd = open(python, O_RDONLY | O_CLOEXEC);
	assert_true(*fd >= 0);
	dw = dwarf_begin(*fd, DWARF_C_READ);
	if (!dw)
		fail_msg("%s has no debug information", python);
	return dw;
}

static void check_names(const char *python, bool strip)
{
	Dwarf *dw;
	int fd;

	start(python, strip, SCRIPT);
	dw = open_debug(python, &fd);
	check_locks(dw, common);
	if (child.rt.free_threaded)
		check_locks(dw, free_threaded);
	if (child.rt.free_threaded && child.rt.hex >> 16 == 0x30e)
		check_locks(dw, free_threaded314);
	dwarf_end(dw);
	close(fd);
}

static void test_names(void **state)
{
	(void)state;
	check_names(FT, false);
}

static void test_names_stripped(void **state)
{
	(void)state;
	check_names(FT, true);
}

static void test_names313(void **state)
{
	(void)state;
	check_names(FT313, false);
}

static void test_names_gil(void **state)
{
	(void)state;
	check_names(GIL, false);
}

/* Where TYPE_LOCK is in an interpreter state. */
static __u64 type_lock(const char *python)
{
	Dwarf_Die interp;
	__u64 off = 0;
	Dwarf *dw;
	int fd;

	dw = open_debug(python, &fd);
	assert_true(find_struct(dw, "_is", &interp) && member(interp, "types.mutex", &off));
	dwarf_end(dw);
	close(fd);
	return off;
}

/* No lock there, another build, no room, no interpreter. */
static void test_places(void **state)
{
	char name[96], where[96], want[32];
	struct ft_interp_range *r = interps;
	__u64 size, main_interp, lock, off;

	(void)state;
	start(FT, false, SCRIPT);
	main_interp = child.rt.main_interp;
	size = child.rt.off.interp_size;
	off = type_lock(FT);
	lock = main_interp + off;
	check_lock(main_interp + 8, "interpreter+0x8", "interpreter", 8);
	snprintf(want, sizeof(want), "interpreter+0x%llx", (unsigned long long)size - 1);
	check_lock(main_interp + size - 1, want, "interpreter", size - 1);
	assert_int_equal(ft_lock_name(child.pid, &child.rt, r, 0, lock, name, 4, where, 0), 0);
	assert_string_equal(name, "typ");
	/* published numbers that are not the table's */
	child.rt.off.interp_modules += 8;
	snprintf(want, sizeof(want), "interpreter+0x%llx", (unsigned long long)off);
	check_lock(lock, want, "interpreter", off);
	child.rt.off.interp_modules -= 8;
	child.rt.hex += 1 << 16;
	check_lock(lock, want, "interpreter", off);
	child.rt.hex -= 1 << 16;
	check_lock(lock, "type lock (TYPE_LOCK)", "interpreter", off);
	assert_int_equal(ft_lock_name(child.pid, &child.rt, r, 1, 8, name, sizeof(name), where,
				      sizeof(where)),
			 -ENOENT);
	assert_string_equal(name, "");
	assert_string_equal(where, "");
	child.rt.no_offsets = true;
	assert_int_equal(ft_lock_name(child.pid, &child.rt, r, 1, lock, name, sizeof(name), where,
				      sizeof(where)),
			 -ENOENT);
	assert_int_equal(ft_interps_find(child.pid, &child.rt, r, 8), -EOPNOTSUPP);
}

/* The keys that the instances of a class share, and what is no such thing. */
static void check_keys(const char *python)
{
	static const char script[] =
		"import ctypes, sys\n"
		"class C:\n"
		"    def __init__(self): self.a = self.b = 1\n"
		"def keys(d): return ctypes.c_uint64.from_address(id(d) + 48).value\n"
		"class Empty: pass\n"
		"c, plain, e = C(), dict(a=1, b=2), Empty()\n"
		"e.__dict__\n"
		"print(keys(c.__dict__), keys(e.__dict__), keys(plain), id(plain), id(C), "
		"flush=True)\n"
		"sys.stdin.read()";
	unsigned long long a[5];
	char name[96], where[96];
	size_t i;

	start(python, false, script);
	assert_int_equal(
		sscanf(child.line, "%llu %llu %llu %llu %llu", &a[0], &a[1], &a[2], &a[3], &a[4]),
		5);
	for (i = 0; i < 5; i++) {
		int err = ft_lock_name(child.pid, &child.rt, interps, (size_t)interp_cnt, a[i] + 11,
				       name, sizeof(name), where, sizeof(where));

		assert_int_equal(err, i < 2 ? 0 : -ENOENT);
		assert_string_equal(name, i < 2 ? "dict keys" : "");
		assert_string_equal(where, "");
	}
	/* one byte off, and where nothing is mapped */
	assert_int_equal(ft_lock_name(child.pid, &child.rt, interps, 1, a[0] + 12, name,
				      sizeof(name), where, sizeof(where)),
			 -ENOENT);
	assert_int_equal(ft_lock_name(child.pid, &child.rt, interps, 1, 11, name, sizeof(name),
				      where, sizeof(where)),
			 -ENOENT);
}

static void test_keys(void **state)
{
	(void)state;
	check_keys(FT);
}

static void test_keys313(void **state)
{
	(void)state;
	check_keys(FT313);
}

/* Two more interpreters: they are in the list before the main one, and have the same locks. */
static void test_interps(void **state)
{
	static const char script[] = "import _interpreters, sys\n"
				     "_interpreters.create(); _interpreters.create()\n"
				     "print(1, flush=True); sys.stdin.read()";
	__u64 runs[3], off;
	int i;

	(void)state;
	start(FT, false, script);
	off = type_lock(FT);
	assert_int_equal(interp_cnt, 3);
	assert_int_equal(interps[2].addr, child.rt.main_interp);
	for (i = 0; i < 3; i++) {
		assert_int_equal(interps[i].size, child.rt.off.interp_size);
		check_lock(interps[i].addr + off, "type lock (TYPE_LOCK)", "interpreter", off);
	}
	assert_int_equal(ft_interps_find(child.pid, &child.rt, interps, 2), 2);
	assert_int_equal(ft_interps_find(child.pid, &child.rt, interps, 0), 0);
	child.rt.hex = 0x030f0000;
	assert_int_equal(ft_gc_runs(child.pid, &child.rt, runs), -EOPNOTSUPP);
	py_stop(&child);
	start(FT, false, SCRIPT);
	kill(child.pid, SIGKILL);
	waitpid(child.pid, NULL, 0);
	assert_int_equal(ft_interps_find(child.pid, &child.rt, interps, 8), -ESRCH);
	assert_int_equal(ft_gc_runs(child.pid, &child.rt, runs), -ESRCH);
	close(child.in);
	child.pid = 0;
}

static void check_gc(const char *python, bool strip)
{
	static const char script[] =
		"import gc, sys\n"
		"gc.disable()\n"
		"for n, times in enumerate((7, 5, 3)):\n"
		"    for _ in range(times): gc.collect(n)\n"
		"print(*(s['collections'] for s in gc.get_stats()), flush=True)\n"
		"sys.stdin.read()";
	unsigned long long want[3];
	__u64 runs[3];
	int i;

	start(python, strip, script);
	assert_int_equal(sscanf(child.line, "%llu %llu %llu", &want[0], &want[1], &want[2]), 3);
	assert_int_equal(ft_gc_runs(child.pid, &child.rt, runs), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(runs[i], want[i]);
	assert_true(runs[0] >= 7 && runs[1] >= 5 && runs[2] >= 3);
}

static void test_gc(void **state)
{
	(void)state;
	check_gc(FT, false);
}

static void test_gc_stripped(void **state)
{
	(void)state;
	check_gc(FT313, true);
}

static void test_gc_gil(void **state)
{
	(void)state;
	check_gc(GIL, false);
}

static void test_gc_gil313(void **state)
{
	(void)state;
	check_gc(GIL313, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_names, teardown),
		cmocka_unit_test_teardown(test_names_stripped, teardown),
		cmocka_unit_test_teardown(test_names313, teardown),
		cmocka_unit_test_teardown(test_names_gil, teardown),
		cmocka_unit_test_teardown(test_places, teardown),
		cmocka_unit_test_teardown(test_keys, teardown),
		cmocka_unit_test_teardown(test_keys313, teardown),
		cmocka_unit_test_teardown(test_interps, teardown),
		cmocka_unit_test_teardown(test_gc, teardown),
		cmocka_unit_test_teardown(test_gc_stripped, teardown),
		cmocka_unit_test_teardown(test_gc_gil, teardown),
		cmocka_unit_test_teardown(test_gc_gil313, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
