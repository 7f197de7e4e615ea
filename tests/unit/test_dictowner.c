/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests of whose a dict is. Live processes of four builds say where their dicts are; what 3.15
 * keeps where is made up in this process's own memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <time.h>

#include "base/fileio.h"
#include "py_child.h"
#include "python/dictowner.h"

#define LOOKS 500

static const char *const builds[] = {
	"build/python/gil/bin/python3",
	"build/python/ft/bin/python3",
	"build/python/gil313/bin/python3",
	"build/python/ft313/bin/python3",
};

#define BUILD_CNT (sizeof(builds) / sizeof(builds[0]))

static struct py_child child;

static int teardown(void **state)
{
	(void)state;
	py_stop(&child);
	return 0;
}

static void start(size_t build, bool strip, const char *script)
{
	py_stop(&child);
	if (!py_start(&child, builds[build], strip, script)) {
		print_message("no %s: make pythons\n", builds[build]);
		skip();
	}
}

static void expect(__u64 dict, const char *words)
{
	char buf[96] = "before";
	int err = ft_dict_owner(child.pid, &child.rt, dict, buf, sizeof(buf));

	assert_string_equal(buf, words);
	assert_int_equal(err, words[0] ? 0 : -ENOENT);
}

/* The next address of the line that the child said. */
static __u64 next(char **at)
{
	char *end;
	__u64 v = strtoull(*at, &end, 10);

	assert_ptr_not_equal(*at, end);
	*at = end;
	return v;
}

/* How a script tells where the dict behind a class is; and who is to be told. */
#define BEGIN                                                                                      \
	"import gc, sys, types\n"                                                                  \
	"def ns(c): return id(gc.get_referents(c.__dict__)[0])\n"

static const char owners_script[] =
	BEGIN "import abc, enum, json, re\n"
	      "class Plain: pass\n"
	      "class Slots: __slots__ = ('a', 'b')\n"
	      "class Sub(Plain): x = 1\n"
	      "class Meta(type): pass\n"
	      "class Made(metaclass=Meta): pass\n"
	      "class Shape(abc.ABC):\n"
	      "    def area(self): pass\n"
	      "class Color(enum.Enum): RED = 1\n"
	      "class Wrong(Exception): pass\n"
	      "class Out:\n"
	      "    class In: pass\n"
	      "class Ünï: pass\n"
	      "bare = types.ModuleType('bare'); sys.modules['bare'] = bare\n"
	      "class Lazy(types.ModuleType): pass\n"
	      "lazy = sys.modules['lazy'] = Lazy('lazy')\n"
	      "plug = {'__name__': 'plug.in'}\n"
	      "exec('def f(): pass', plug)\n"
	      "wide = types.ModuleType('модуль'); sys.modules['модуль'] = wide\n"
	      "general = types.ModuleType('general'); vars(general)[7] = 7\n"
	      "sys.modules['general'] = general\n"
	      "exec('class Ä(Plain): pass', vars(wide) | {'Plain': Plain}, vars(wide))\n"
	      "print(*map(ns, (Plain, Slots, Sub, Meta, Made, Shape, Color, Wrong, Out.In, Ünï,\n"
	      "    re.Pattern, vars(wide)['Ä'])), *map(id, (globals(), vars(json), vars(sys), "
	      "vars(bare),\n"
	      "    vars(lazy), plug, vars(wide), vars(general))), flush=True)\n"
	      "sys.stdin.read()";

static const char *const owners[] = {
	"class Plain",	       "class Slots",	     "class Sub",
	"class Meta",	       "class Made",	     "class Shape",
	"class Color",	       "class Wrong",	     "class In",
	"class Ünï",	       "class re.Pattern",   "class Ä",
	"globals of __main__", "globals of json",    "globals of sys",
	"globals of bare",     "globals of lazy",    "globals of plug.in",
	"globals of модуль",   "globals of general",
};

static void test_owners(void **state)
{
	size_t build, strip, i;

	(void)state;
	for (build = 0; build < BUILD_CNT; build++) {
		for (strip = 0; strip < 2; strip++) {
			char *at = child.line;

			start(build, strip, owners_script);
			for (i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
				expect(next(&at), owners[i]);
		}
	}
}

/* Dicts that look like owners', and are not. */
static const char nobodys_script[] = BEGIN
	"import ctypes\n"
	"class C:\n"
	"    def __init__(self): self.a = self.b = 1\n"
	"def local():\n"
	"    class Base: pass\n"
	"    class Local(Base): pass\n"
	"    return Local\n"
	"class Holder:\n"
	"    __slots__ = ('what',)\n"
	"    def __init__(self, what): self.what = what\n"
	"c, out = C(), C()\n"
	"c.__dict__\n"
	"for i in range(100): setattr(out, 'a%d' % i, i)\n"
	"odd = types.ModuleType('odd'); odd.__name__ = 5; sys.modules['odd'] = odd\n"
	"name = {'__name__': 'x', '__spec__': 1, 'h': Holder({})}\n"
	"away = types.ModuleType('away')\n"
	"loc = [local()]\n"
	"a = [c.__dict__, out.__dict__, {}, dict(a=1), {1: 2, (): C}, dict(C.__dict__),\n"
	"    dict(globals()), vars(odd), name, vars(away), {'x': Holder(C), 'y': Holder(dict)},\n"
	"    dict.fromkeys(range(20000), C.__dict__['__dict__']),\n"
	"    {'__module__': '__main__', '__dict__': C.__dict__['__dict__']}]\n"
	"d = id(globals())\n"
	"at = lambda o: [id(o) + x for x in (-8, 0, 1, 4, 8, 16, 48)]\n"
	"print(len(a) + 9 + 49, *map(id, a), ns(int), ns(loc[0]), id(C), d + 1, d + 8, d - 16,\n"
	"    ctypes.c_uint64.from_address(d + object.__basicsize__ + 16).value, 2**64 - 1,\n"
	"    2**63, *at([]), *at(5), *at('s'), *at(C), *at(c), *at(local), *at(sys),\n"
	"    flush=True)\n"
	"sys.stdin.read()";

static void test_nobodys(void **state)
{
	size_t build, i, cnt;
	char *at;

	(void)state;
	for (build = 0; build < BUILD_CNT; build++) {
		start(build, false, nobodys_script);
		at = child.line;
		cnt = (size_t)next(&at);
		for (i = 0; i < cnt; i++)
			expect(next(&at), "");
		for (i = 0; i < 4096; i += i < 64 ? 1 : 61)
			expect(i, "");
	}
}

/* Whatever stands anywhere near objects: no answer but those of the process's owners. */
static void test_garbage(void **state)
{
	static const char script[] = BEGIN "class C: pass\n"
					   "print(ns(C), id(globals()), flush=True)\n"
					   "sys.stdin.read()";
	size_t build, found;
	char buf[96], *at;
	__u64 a, dict, main_dict;

	(void)state;
	for (build = 0; build < BUILD_CNT; build++) {
		start(build, false, script);
		at = child.line;
		dict = next(&at);
		main_dict = next(&at);
		found = 0;
		for (a = dict - 16384; a < dict + 16384; a += 4) {
			int err = ft_dict_owner(child.pid, &child.rt, a, buf, sizeof(buf));

			assert_true(err == -ENOENT || !err);
			if (!err)
				assert_true(!strncmp(buf, "class ", 6) ||
					    !strncmp(buf, "globals of ", 11));
			found += a == dict && !strcmp(buf, "class C");
			assert_true((a == dict) == !strcmp(buf, "class C"));
			assert_true((a == main_dict) == !strcmp(buf, "globals of __main__"));
		}
		assert_int_equal(found, 1);
	}
}

/*
 * Two threads change a class, two a module's globals (as a global and as an attribute), one makes
 * and drops classes and modules: an owner is found nearly always, and never a wrong one.
 */
static const char changing_script[] =
	BEGIN "import threading\n"
	      "class C: pass\n"
	      "x = 0\n"
	      "def writes():\n"
	      "    global x\n"
	      "    i = 0\n"
	      "    while True:\n"
	      "        x = i = i + 1\n"
	      "def attributes(o):\n"
	      "    i = 0\n"
	      "    while True:\n"
	      "        for i in range(300): setattr(o, 'a%d' % i, i)\n"
	      "        for i in range(300):\n"
	      "            try: delattr(o, 'a%d' % i)\n"
	      "            except AttributeError: pass\n"
	      "def makes():\n"
	      "    while True:\n"
	      "        D = type('D', (), {'a': 1})\n"
	      "        m = types.ModuleType('m'); sys.modules['m'] = m\n"
	      "for f, *a in ((writes,), (attributes, C), (attributes, C), (makes,),\n"
	      "        (attributes, sys.modules['__main__']), (attributes, types)):\n"
	      "    threading.Thread(target=f, args=a, daemon=True).start()\n"
	      "print(ns(C), id(globals()), id(vars(types)), flush=True)\n"
	      "sys.stdin.read()";

static void test_changing(void **state)
{
	static const char *const words[] = {"class C", "globals of __main__", "globals of types"};
	struct timespec pause = {.tv_nsec = 200000};
	int build, i, j, found;
	char buf[96], *at;
	__u64 dict[3];

	(void)state;
	for (build = 0; build < (int)BUILD_CNT; build++) {
		start((size_t)build, false, changing_script);
		at = child.line;
		for (j = 0; j < 3; j++)
			dict[j] = next(&at);
		for (j = 0; j < 3; j++) {
			for (i = found = 0; i < LOOKS; i++) {
				int err = ft_dict_owner(child.pid, &child.rt, dict[j], buf,
							sizeof(buf));

				if (!err)
					assert_string_equal(buf, words[j]);
				else
					assert_int_equal(err, -ENOENT);
				found += !err;
				if (i % 8 == 0)
					nanosleep(&pause, NULL);
			}
			if (found < LOOKS * 9 / 10)
				fail_msg("%s: %s found %d times of %d", builds[build], words[j],
					 found, LOOKS);
		}
	}
}

/* No room, another version, no interpreter's types, no process. */
static void test_errors(void **state)
{
	static const char script[] = BEGIN "class Long_name: pass\n"
					   "print(ns(Long_name), flush=True); sys.stdin.read()";
	char buf[96], small[10], one[1];
	struct ft_runtime rt;
	char *at;
	__u64 dict;

	(void)state;
	start(1, false, script);
	at = child.line;
	dict = next(&at);
	expect(dict, "class Long_name");
	assert_int_equal(ft_dict_owner(child.pid, &child.rt, dict, small, sizeof(small)), 0);
	assert_string_equal(small, "class Lon");
	assert_int_equal(ft_dict_owner(child.pid, &child.rt, dict, one, sizeof(one)), 0);
	assert_string_equal(one, "");
	assert_int_equal(ft_dict_owner(child.pid, &child.rt, dict, one, 0), -EINVAL);
	rt = child.rt;
	rt.hex = 0x03100000;
	assert_int_equal(ft_dict_owner(child.pid, &rt, dict, buf, sizeof(buf)), -EOPNOTSUPP);
	rt = child.rt;
	rt.no_offsets = true;
	assert_int_equal(ft_dict_owner(child.pid, &rt, dict, buf, sizeof(buf)), -EOPNOTSUPP);
	rt = child.rt;
	rt.type_type = 0;
	assert_int_equal(ft_dict_owner(child.pid, &rt, dict, buf, sizeof(buf)), -EOPNOTSUPP);
	assert_string_equal(buf, "");
	kill(child.pid, SIGKILL);
	waitpid(child.pid, NULL, 0);
	assert_int_equal(ft_dict_owner(child.pid, &child.rt, dict, buf, sizeof(buf)), -ESRCH);
	close(child.in);
	child.pid = 0;
}

#define HEAP_SZ (64 * 1024)

/* Made up in this process by what the versions publish. */
struct world {
	struct ft_runtime rt;
	char *heap; /* zeroes; followed by a page that cannot be read */
	size_t used;
	__u64 type, dict_type, str_type;
};

static void put64(__u64 addr, __u64 v)
{
	memcpy((void *)(uintptr_t)addr, &v, sizeof(v));
}

static __u64 alloc(struct world *w, size_t n)
{
	char *p = w->heap + w->used;

	w->used += (n + 15) & ~15ull;
	assert_true(w->used <= HEAP_SZ);
	return (__u64)(uintptr_t)p;
}

static __u64 put_object(struct world *w, __u64 type, __u64 first)
{
	__u64 o = alloc(w, w->rt.off.ob_size + 64);

	put64(o + w->rt.off.ob_type, type);
	put64(o + w->rt.off.ob_size, first);
	return o;
}

/* Fields of PyTypeObject behind tp_name: 18 and 30 words (Include/cpython/object.h). */
static __u64 put_type(struct world *w, const char *name, __u64 flags, __u64 dict)
{
	__u64 t = alloc(w, 512), text = alloc(w, strlen(name) + 1);

	strcpy((char *)(uintptr_t)text, name);
	put64(t + w->rt.off.ob_type, w->type ? w->type : t);
	put64(t + w->rt.off.tp_name, text);
	put64(t + w->rt.off.tp_name + 18 * 8, flags);
	put64(t + w->rt.off.tp_name + 30 * 8, dict);
	return t;
}

static __u64 put_str(struct world *w, const char *s)
{
	const struct ft_pylayout *l = &w->rt.off.py;
	__u64 p = alloc(w, l->str_ascii + strlen(s) + 1);
	__u32 state =
		1u << l->str_kind_shift | 1u << l->str_compact_shift | 1u << l->str_ascii_shift;

	put64(p + w->rt.off.ob_type, w->str_type);
	put64(p + l->str_length, strlen(s));
	memcpy((void *)(uintptr_t)(p + l->str_state), &state, sizeof(state));
	strcpy((char *)(uintptr_t)(p + l->str_ascii), s);
	return p;
}

/* An empty dict with room for eight; its keys stand 64 bytes behind it. */
static __u64 put_dict(struct world *w)
{
	__u64 d = alloc(w, 64 + 32 + 16 + 8 * 16);

	assert_true(w->rt.off.ob_size + 32 <= 64);
	put64(d + w->rt.off.ob_type, w->dict_type);
	put64(d + w->rt.off.ob_size + 16, d + 64);
	((char *)(uintptr_t)d)[64 + 9] = 4;  /* dk_log2_index_bytes */
	((char *)(uintptr_t)d)[64 + 10] = 1; /* dk_kind: str keys alone */
	return d;
}

static void add(struct world *w, __u64 dict, const char *key, __u64 value)
{
	__u64 n;

	memcpy(&n, (void *)(uintptr_t)(dict + 64 + 24), sizeof(n));
	assert_true(n < 8);
	put64(dict + 64 + 32 + 16 + n * 16, put_str(w, key));
	put64(dict + 64 + 32 + 16 + n * 16 + 8, value);
	put64(dict + 64 + 24, n + 1);
}

static void make_world(struct world *w, const char *version)
{
	char path[128], why[128], *buf = NULL;
	size_t len;

	memset(w, 0, sizeof(*w));
	snprintf(path, sizeof(path), "tests/fixtures/offsets/%s.bin", version);
	assert_int_equal(ft_read_file(path, 1024, &buf, &len), 0);
	assert_int_equal(ft_offsets_parse(buf, len, &w->rt.off, why, sizeof(why)), 0);
	free(buf);
	w->heap = mmap(NULL, HEAP_SZ + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	assert_true(w->heap != MAP_FAILED);
	assert_int_equal(mprotect(w->heap + HEAP_SZ, 4096, PROT_NONE), 0);
	w->rt.hex = w->rt.off.version;
	w->rt.free_threaded = w->rt.off.free_threaded;
	w->type = put_type(w, "type", 1ull << 31, 0);
	w->rt.type_type = w->type;
	w->dict_type = put_type(w, "dict", 1ull << 29, 0);
	w->str_type = put_type(w, "str", 1ull << 28, 0);
}

static void expect_made(struct world *w, __u64 dict, const char *words)
{
	child.rt = w->rt;
	child.pid = getpid();
	expect(dict, words);
	child.pid = 0;
}

/* With the word at addr so, nobody is told. */
static void expect_bad(struct world *w, __u64 dict, __u64 addr, __u64 v)
{
	__u64 before;

	memcpy(&before, (void *)(uintptr_t)addr, sizeof(before));
	put64(addr, v);
	expect_made(w, dict, "");
	put64(addr, before);
}

static void check_made_class(struct world *w)
{
	__u64 getset = put_type(w, "getset_descriptor", 0, 0), dict = put_dict(w);
	__u64 c = put_type(w, "Made", 0, dict), descr = put_object(w, getset, c);
	__u64 end = (__u64)(uintptr_t)w->heap + HEAP_SZ, keys = dict + 64;

	add(w, dict, "x", end);
	add(w, dict, "y", end - 8);
	add(w, dict, "z", 0);
	add(w, dict, "__dict__", descr);
	expect_made(w, dict, "class Made");
	expect_bad(w, dict, descr + w->rt.off.ob_size, w->str_type);
	expect_bad(w, dict, c + w->rt.off.ob_type, getset);
	expect_bad(w, dict, c + w->rt.off.tp_name, end);
	expect_bad(w, dict, c + w->rt.off.tp_name, 0);
	expect_bad(w, dict, dict + w->rt.off.ob_type, getset);
	expect_bad(w, dict, dict + w->rt.off.ob_type, end);
	expect_bad(w, dict, dict + w->rt.off.ob_size + 16, end - 16);
	expect_bad(w, dict, keys + 24, 0);
	expect_bad(w, dict, keys + 24, 1ull << 63);
	expect_bad(w, dict, keys + 24, 1ull << 40);
	expect_bad(w, dict, keys + 24, 10000);		      /* runs off the end */
	expect_bad(w, dict, keys + 8, 0x010000);	      /* no index bytes: other entries */
	expect_bad(w, dict, keys + 8, 0x01ff00 | 1ull << 32); /* shift by 255 */
	expect_bad(w, dict, keys + 8, 0x020400);	      /* values elsewhere */
	expect_made(w, dict, "class Made");
}

static void check_made_globals(struct world *w)
{
	__u64 function = put_type(w, "function", 0, 0), dict = put_dict(w), copy = put_dict(w);
	__u64 interp = alloc(w, 16), modules = put_dict(w), module, f;
	__u64 name = put_str(w, "app");

	f = put_object(w, function, dict);
	add(w, dict, "__name__", name);
	add(w, dict, "__builtins__", 0);
	add(w, dict, "f", f);
	add(w, copy, "__name__", name);
	add(w, copy, "__spec__", name);
	add(w, copy, "f", f);
	expect_made(w, dict, "");
	add(w, dict, "__builtins__", modules);
	expect_made(w, dict, "globals of app");
	expect_made(w, copy, "");
	expect_bad(w, dict, f + w->rt.off.ob_size, copy);
	expect_bad(w, dict, name + w->rt.off.ob_type, w->dict_type);
	/* now the copy is a module's own, and only sys.modules knows */
	module = put_object(w, function, copy);
	add(w, modules, "other", module);
	w->rt.runtime = alloc(w, 16) - w->rt.off.interp_head;
	put64(w->rt.runtime + w->rt.off.interp_head, interp - w->rt.off.interp_modules);
	put64(interp, modules);
	w->rt.off.interp_next = w->rt.off.interp_modules + 8;
	expect_made(w, copy, "globals of app");
	expect_bad(w, copy, interp, module);
	expect_bad(w, copy, interp, 8);
	expect_bad(w, copy, module + w->rt.off.ob_size, dict);
}

static void test_made(void **state)
{
	static const char *const versions[] = {"3.13.0",  "3.13.15t", "3.14.6",
					       "3.14.6t", "3.15.2",   "3.15.2t"};
	struct world w;
	size_t v;

	(void)state;
	for (v = 0; v < sizeof(versions) / sizeof(versions[0]); v++) {
		make_world(&w, versions[v]);
		check_made_class(&w);
		check_made_globals(&w);
		munmap(w.heap, HEAP_SZ + 4096);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_owners, teardown),
		cmocka_unit_test_teardown(test_nobodys, teardown),
		cmocka_unit_test_teardown(test_garbage, teardown),
		cmocka_unit_test_teardown(test_changing, teardown),
		cmocka_unit_test_teardown(test_errors, teardown),
		cmocka_unit_test(test_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
