/* SPDX-License-Identifier: BSD-2-Clause */
/* Where stacks stand, and the locks of sessions with known answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "model/scaling.h"
#include "scaling_fixture.h"

static void check_place(__u32 node, const char *site, const char *owner, bool waits)
{
	struct ft_place p;
	char buf[FT_PLACE_LEN];

	stacks = (struct ft_stacks){frames, CNT(frames), nodes, CNT(nodes), NULL, 0};
	ft_place_of(&stacks, node, &p);
	assert_string_equal(ft_place_text(&stacks, p.frame, buf, sizeof(buf)), site);
	assert_string_equal(ft_place_owner(&stacks, &p, buf, sizeof(buf)), owner);
	assert_int_equal(ft_place_waits(&stacks, &p), waits);
}

static void test_places(void **state)
{
	(void)state;
	check_place(N_WORK, "app.py:8 work", "", false);
	check_place(N_NATIVE, "app.py:8 work", "", false);
	check_place(N_GET_WAIT, "app.py:8 work", "queue.Queue", true);
	check_place(N_GET, "app.py:8 work", "queue.Queue", false);
	check_place(N_PUT_ENTER, "app.py:8 work", "queue.Queue", false);
	check_place(N_EVENT_WAIT, "app.py:8 work", "threading.Event", true);
	check_place(N_JOIN, "threading.py:1133 Thread.join", "threading.Thread", true);
	check_place(N_SUBMIT, "app.py:8 work", "concurrent.futures.ThreadPoolExecutor", false);
	/* a file of that name anywhere else is the program's */
	check_place(N_MINE, "queue.py:5 Queue.pop", "", false);
	check_place(N_INIT, "pkg/__init__.py:4 setup", "", false);
	check_place(N_IMPORT, "pkg/__init__.py:4 setup", "", false);
	check_place(N_LIB, "threading.py:369 Condition.wait", "threading.Condition", true);
	check_place(NONE, "", "", false);
	check_place(CNT(nodes), "", "", false);
}

/* Four threads, two cores, 5 s, of which locks may have something. */
static struct scenario *session(__u32 lock_wait, __u32 sync_wait, __u32 spin_ticks)
{
	struct scenario *sc = sc_new(5000, 2, FT_GIL_OFF);
	int i;

	for (i = 0; i < 4; i++)
		sc_add(sc, (struct sc_thread){.name = "w",
					      .on = 2000,
					      .lock_wait = lock_wait / 4,
					      .sync_wait = sync_wait / 4,
					      .ticks_free = 2000 - spin_ticks / 4,
					      .ticks_spin = spin_ticks / 4});
	sc_levels(sc, 0, 2000, 3000, 0, 0);
	return sc;
}

static const struct ft_mlock *find(const struct ft_model *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->scaling->locks.cnt; i++)
		if (!strcmp(m->scaling->locks.row[i].name, name))
			return &m->scaling->locks.row[i];
	return NULL;
}

static struct ft_lock_rec known[] = {
	{.id = 1,
	 .kind = FT_LK_OBJECT,
	 .name = "list",
	 .addr = 0xabc0,
	 .waits = 23,
	 .wait_ns = 300 * MS,
	 .spin_ticks = 900,
	 .yields = 433,
	 .threads = 4},
	{.id = 4, .kind = FT_LK_TYPE, .name = "C"},
	{.id = 5,
	 .kind = FT_LK_THREADING,
	 .name = "_thread.lock",
	 .addr = 0x10,
	 .waits = 50,
	 .wait_ns = 900 * MS,
	 .threads = 3},
	{.id = 7,
	 .kind = FT_LK_THREADING,
	 .name = "_thread.lock",
	 .addr = 0x20,
	 .waits = 11,
	 .wait_ns = 400 * MS,
	 .threads = 3},
	{.id = 8,
	 .kind = FT_LK_THREADING,
	 .name = "_thread.RLock",
	 .addr = 0x30,
	 .waits = 3,
	 .wait_ns = 200 * MS,
	 .threads = 2},
	{.id = 9,
	 .kind = FT_LK_THREADING,
	 .name = "_queue.SimpleQueue",
	 .waits = 5,
	 .wait_ns = 4000 * MS,
	 .threads = 2},
	{.id = 11,
	 .kind = FT_LK_RUNTIME,
	 .name = "type lock",
	 .owner = "interpreter+0x2f",
	 .waits = 2,
	 .wait_ns = 20 * MS,
	 .spin_ticks = 300,
	 .threads = 2,
	 .many = true},
};

static size_t known_weights(struct ft_weight out[24])
{
	const struct ft_weight w[] = {
		/* heaviest by line, not by stack: two stacks of app.py:8 together */
		weigh(N_WORK, FT_ST_LOCK_WAIT, 1, 100),
		weigh(N_NATIVE, SPIN, 1, 100),
		weigh(N_OTHER, FT_ST_LOCK_WAIT, 1, 150),
		weigh(N_OTHER, FT_SK_LOCK_OWNER, 1, 99),
		weigh(N_WORK, FT_SK_LOCK_OWNER, 1, 98),
		/* two thirds of it wait for something to come */
		weigh(N_GET_WAIT, FT_ST_SYNC_WAIT, 5, 600),
		weigh(N_PUT_ENTER, FT_ST_SYNC_WAIT, 5, 300),
		weigh(N_WORK, FT_ST_SYNC_WAIT, 7, 400),
		/* the condition's own lock, taken again after a wait */
		weigh(N_GET_WAIT, FT_ST_SYNC_WAIT, 8, 200),
		weigh(N_WORK, FT_ST_SYNC_WAIT, 9, 4000),
		weigh(N_WORK, FT_ST_SYNC_WAIT, 0, 5000),
		weigh(N_OTHER, FT_ST_LOCK_WAIT, 11, 20),
		weigh(N_WORK, FT_ST_LOCK_WAIT, 0, 30),
		weigh(N_WORK, FT_ST_LOCK_WAIT, 77, 1),
	};

	assert_true(CNT(w) <= 24);
	memcpy(out, w, sizeof(w));
	return CNT(w);
}

static void test_locks(void **state)
{
	struct ft_weight w[24];
	size_t cnt = known_weights(w);
	struct scenario *sc = session(400, 5500, 1600);
	const struct ft_mlock *l;
	struct ft_model m;

	(void)state;
	use(sc, w, cnt);
	use_locks(sc, known, CNT(known));
	sc->findings.yield_window_ns = 50 * MS;
	sc->findings.yield_windows = 10;
	sc->findings.yields = 433;
	sc->findings.yields_rel_err = 0.10;
	assert_int_equal(sc_model(sc, &m), 0);
	assert_int_equal(m.scaling->locks.cnt, 6);
	assert_int_equal(m.scaling->locks.contended, 5);
	l = &m.scaling->locks.row[0];
	assert_string_equal(l->name, "list");
	assert_string_equal(ft_lock_kind_name(l->kind), "object");
	assert_true(l->addr == 0xabc0);
	assert_string_equal(l->waiter, "app.py:8 work");
	assert_string_equal(l->owner, "app.py:20 C.other");
	assert_int_equal(l->yields, 43300);
	/* 10 % of how windows differ, and 2.58 / sqrt(433) */
	assert_in_range(l->yields_lo, 36000, 36500);
	assert_in_range(l->yields_hi, 50100, 50600);
	assert_true(l->spin_ns == 900 * MS);
	assert_in_range(l->spin_err_ns, 60 * MS, 80 * MS);
	/* one lock of several places is named by where most of its time was */
	l = find(&m, "queue.Queue");
	assert_non_null(l);
	assert_true(ft_lock_contended_ns(l) == 300 * MS && l->idle_ns == 600 * MS);
	l = find(&m, "_thread.lock");
	assert_true(l && ft_lock_contended_ns(l) == 400 * MS);
	assert_null(find(&m, "_thread.RLock"));
	l = &m.scaling->locks.row[m.scaling->locks.cnt - 1];
	assert_string_equal(l->name, "_queue.SimpleQueue");
	assert_int_equal(ft_lock_contended_ns(l), 0);
	l = find(&m, "type lock");
	assert_true(l && l->many && l->spin_ns == 300 * MS);
	assert_string_equal(l->part_of, "interpreter+0x2f");
	/* 1,600 ticks and 400 ms of the state: the rest is of locks that nobody knows */
	l = &m.scaling->locks.unknown;
	assert_true(l->spin_ns == 400 * MS && l->wait_ns == 80 * MS);
	assert_string_equal(l->waiter, "app.py:8 work");
	assert_true(m.scaling->locks.sync_ns == 900 * MS);
	assert_true(m.scaling->locks.spin_ns == 1600 * MS);
	ft_model_free(&m);
	sc_free(sc);
}

/* Without stacks a queue that is empty looks like a lock that is held: it is not called one. */
static void test_no_stacks(void **state)
{
	struct ft_lock_rec rec[] = {
		{.id = 5,
		 .kind = FT_LK_THREADING,
		 .name = "_thread.lock",
		 .waits = 50,
		 .wait_ns = 900 * MS,
		 .yields = 3},
		{.id = 6, .kind = FT_LK_OBJECT, .name = "dict", .waits = 50, .wait_ns = 200 * MS},
	};
	struct scenario *sc = session(200, 900, 0);
	struct ft_model m;

	(void)state;
	use_locks(sc, rec, CNT(rec));
	assert_int_equal(sc_model(sc, &m), 0);
	assert_int_equal(m.scaling->locks.contended, 1);
	assert_string_equal(m.scaling->locks.row[0].name, "dict");
	assert_string_equal(m.scaling->locks.row[0].waiter, "");
	assert_int_equal(m.scaling->locks.sync_ns, 0);
	ft_model_free(&m);
	sc_free(sc);
}

/* Objects that live shortly: a row of each would say nothing. Large ones keep theirs. */
static void test_small_locks(void **state)
{
	static struct ft_lock_rec rec[1001];
	static struct ft_weight w[1001];
	struct scenario *sc = session(4000, 0, 0);
	const struct ft_locks *locks;
	struct ft_model m;
	__u32 i;

	(void)state;
	for (i = 0; i < 1001; i++) {
		rec[i] = (struct ft_lock_rec){.id = i + 1,
					      .kind = FT_LK_OBJECT,
					      .name = "list",
					      .addr = 64 * i + 64,
					      .waits = 1,
					      .threads = i == 70 ? 3 : 2,
					      .wait_ns = MS};
		w[i] = weigh(i % 2 ? N_WORK : N_OTHER, FT_ST_LOCK_WAIT, i + 1, 1);
	}
	rec[1000].wait_ns = 3000 * MS;
	use(sc, w, 1001);
	use_locks(sc, rec, 1001);
	assert_int_equal(sc_model(sc, &m), 0);
	locks = &m.scaling->locks;
	assert_int_equal(locks->cnt, 3);
	assert_true(locks->row[0].wait_ns == 3000 * MS && locks->row[0].addr == 64 * 1001);
	assert_int_equal(locks->row[1].objects, 500);
	assert_int_equal(locks->row[2].objects, 500);
	assert_true(locks->row[1].wait_ns == 500 * MS && !locks->row[1].addr);
	assert_true(locks->row[1].many && locks->row[1].waits == 500);
	assert_true(locks->row[1].threads == 3 || locks->row[2].threads == 3);
	ft_model_free(&m);
	sc_free(sc);
}

/* Trees that no reader would give. */
static void test_hostile_stacks(void **state)
{
	static const struct ft_frame bad_frame[] = {{NULL, NULL, 0, 0, FT_FK_PYTHON, 0},
						    {"f", "", 0, 0, FT_FK_PYTHON, 0}};
	static const struct ft_node bad_node[] = {{5, 0}, {1, 1}, {0, 9}, {NONE, 1}};
	struct ft_stacks s = {bad_frame, 2, bad_node, 4, NULL, 0};
	struct ft_place p;
	char buf[8];
	__u32 i;

	(void)state;
	for (i = 0; i < 6; i++) {
		ft_place_of(&s, i, &p);
		ft_place_text(&s, p.frame, buf, sizeof(buf));
		assert_true(strlen(buf) < sizeof(buf));
	}
	ft_place_of(&s, 3, &p);
	assert_string_equal(ft_place_text(&s, p.frame, buf, sizeof(buf)), "f");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),	       cmocka_unit_test(test_locks),
		cmocka_unit_test(test_no_stacks),      cmocka_unit_test(test_small_locks),
		cmocka_unit_test(test_hostile_stacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
