/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions as tables: every line has its columns, and no name is a formula. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "trace_session.h"

#define HEAD                                                                                       \
	"from_ns,to_ns,duration_ns,thread,tid,name,type,state,core,wake_ns,waker_tid,system_call," \
	"lock,lock_address,on_gil,on_free,on_spin,others_ns\r\n"

static void run(const char *name, const char *lock, const char *want)
{
	struct ft_event ev[] = {start(0, 0, FT_ST_RUNQ, 0), slice(0, 0, 0, 0, 10, 1, FT_ST_RUNQ),
				slice(0, 1, 30, 40, 50, 0, FT_ST_LOCK_WAIT)};
	struct ft_lock_rec rec = {.id = 1, .kind = FT_LK_OBJECT, .addr = 0x1000};
	struct ft_thread_rec recs[1] = {0};
	struct ft_findings found;
	char *bytes;
	size_t len;

	ft_findings_init(&found);
	found.lock = &rec;
	found.lock_cnt = 1;
	snprintf(rec.name, sizeof(rec.name), "%s", lock);
	snprintf(recs[0].name, sizeof(recs[0].name), "%s", name);
	recs[0].t = (struct ft_thread){.tid = 7, .start_ns = T0, .since_ns = T0 + 60, .seq = 2};
	ev[2].arg = 0x1000;
	assert_int_equal(export_session(ev, 3, recs, 1, &found, 60, true, &bytes, &len), 0);
	assert_string_equal(bytes, want);
	assert_int_equal(strlen(bytes), len);
	free(bytes);
}

static void test_lines(void **state)
{
	(void)state;
	run("main", "dict",
	    HEAD "0,10,10,0,7,main,off,runq,1,,,,,,,,,\r\n"
		 "10,30,20,0,7,main,on,on_gil,1,,,,,,1,0,0,\r\n"
		 "30,40,10,0,7,main,off,lock_wait,0,40,,,dict,0x1000,,,,\r\n"
		 "40,50,10,0,7,main,off,runq,0,40,,,,,,,,\r\n"
		 "50,60,10,0,7,main,on,on_gil,0,,,,,,1,0,0,\r\n");
}

/* The third line, with a name and a lock of a stranger's. */
static void third(const char *name, const char *lock, const char *name_cell, const char *lock_cell)
{
	char want[1024];

	snprintf(want, sizeof(want),
		 HEAD "0,10,10,0,7,%s,off,runq,1,,,,,,,,,\r\n"
		      "10,30,20,0,7,%s,on,on_gil,1,,,,,,1,0,0,\r\n"
		      "30,40,10,0,7,%s,off,lock_wait,0,40,,,%s,0x1000,,,,\r\n"
		      "40,50,10,0,7,%s,off,runq,0,40,,,,,,,,\r\n"
		      "50,60,10,0,7,%s,on,on_gil,0,,,,,,1,0,0,\r\n",
		 name_cell, name_cell, name_cell, lock_cell, name_cell, name_cell);
	run(name, lock, want);
}

static void test_strangers(void **state)
{
	(void)state;
	third("a,b", "a\"b", "\"a,b\"", "\"a\"\"b\"");
	third("=1+1", "@SUM(A1)", "'=1+1", "'@SUM(A1)");
	third("-2", "+3", "'-2", "'+3");
	third("=\"x\",y", "-", "\"'=\"\"x\"\",y\"", "'-");
	/* what cannot be seen is spelled out, so no line ends inside a cell */
	third("\r\n=1", "\t=2", "\\r\\n=1", "\\t=2");
	third("\xff\xfe",
	      "\xef\xbc\x9d"
	      "1",
	      "\\xff\\xfe",
	      "'\xef\xbc\x9d"
	      "1");
	third("", "x", "", "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
