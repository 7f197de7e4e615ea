/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks in the program and in the standard library's locks and queues, for sessions with locks. */
#ifndef FT_TESTS_SCALING_FIXTURE_H
#define FT_TESTS_SCALING_FIXTURE_H

#include "scenario.h"

#define CNT(a) (sizeof(a) / sizeof((a)[0]))
#define NONE FT_NO_STACK
#define LIB "/usr/lib/python3.14/"
#define SPIN (FT_SK_ON + FT_ON_SPIN)

enum {
	F_MAIN,
	F_WORK,
	F_WORK_NEXT, /* its next line */
	F_OTHER,
	F_COND_WAIT,
	F_COND_ENTER,
	F_EVENT_WAIT,
	F_JOIN,
	F_QUEUE_GET,
	F_QUEUE_PUT,
	F_RUN,
	F_SUBMIT,
	F_MINE, /* a file of the program with the name of one of CPython's */
	F_NATIVE,
	F_INIT,
	F_IMPORT,
};

static const struct ft_frame frames[] = {
	[F_MAIN] = {"main", "/srv/app.py", 3, 1, FT_FK_PYTHON, 0},
	[F_WORK] = {"work", "/srv/app.py", 8, 7, FT_FK_PYTHON, 0},
	[F_WORK_NEXT] = {"work", "/srv/app.py", 9, 7, FT_FK_PYTHON, 0},
	[F_OTHER] = {"C.other", "/srv/app.py", 20, 19, FT_FK_PYTHON, 0},
	[F_COND_WAIT] = {"Condition.wait", LIB "threading.py", 369, 337, FT_FK_PYTHON, 0},
	[F_COND_ENTER] = {"Condition.__enter__", LIB "threading.py", 314, 313, FT_FK_PYTHON, 0},
	[F_EVENT_WAIT] = {"Event.wait", LIB "threading.py", 667, 651, FT_FK_PYTHON, 0},
	[F_JOIN] = {"Thread.join", LIB "threading.py", 1133, 1097, FT_FK_PYTHON, 0},
	[F_QUEUE_GET] = {"Queue.get", LIB "queue.py", 199, 177, FT_FK_PYTHON, 0},
	[F_QUEUE_PUT] = {"Queue.put", "/opt/python314.zip/queue.py", 150, 137, FT_FK_PYTHON, 0},
	[F_RUN] = {"Thread.run", LIB "threading.py", 1023, 1013, FT_FK_PYTHON, 0},
	[F_SUBMIT] = {"ThreadPoolExecutor.submit", "/x/Lib/concurrent/futures/thread.py", 184, 180,
		      FT_FK_PYTHON, 0},
	[F_MINE] = {"Queue.pop", "/srv/python3stuff/queue.py", 5, 4, FT_FK_PYTHON, 0},
	[F_NATIVE] = {"_PyMutex_LockTimed", "/usr/bin/python3.14", 0, 0, FT_FK_NATIVE, 0},
	[F_INIT] = {"setup", "/srv/pkg/__init__.py", 4, 3, FT_FK_PYTHON, 0},
	[F_IMPORT] = {"_call_with_frames_removed", "<frozen importlib._bootstrap>", 491, 484,
		      FT_FK_PYTHON, 0},
};

enum {
	N_RUN,
	N_WORK,
	N_WORK_NEXT,
	N_NATIVE, /* run;work;_PyMutex_LockTimed */
	N_OTHER,
	N_GET,
	N_GET_WAIT, /* run;work;Queue.get;Condition.wait */
	N_PUT,
	N_PUT_ENTER, /* run;work;Queue.put;Condition.__enter__ */
	N_EVENT,
	N_EVENT_WAIT,
	N_JOIN,
	N_SUBMIT,
	N_MINE,
	N_INIT,
	N_IMPORT,
	N_LIB, /* nothing of the program: Thread.run;Condition.wait */
};

static const struct ft_node nodes[] = {
	[N_RUN] = {NONE, F_RUN},
	[N_WORK] = {N_RUN, F_WORK},
	[N_WORK_NEXT] = {N_RUN, F_WORK_NEXT},
	[N_NATIVE] = {N_WORK, F_NATIVE},
	[N_OTHER] = {N_RUN, F_OTHER},
	[N_GET] = {N_WORK, F_QUEUE_GET},
	[N_GET_WAIT] = {N_GET, F_COND_WAIT},
	[N_PUT] = {N_WORK, F_QUEUE_PUT},
	[N_PUT_ENTER] = {N_PUT, F_COND_ENTER},
	[N_EVENT] = {N_WORK, F_EVENT_WAIT},
	[N_EVENT_WAIT] = {N_EVENT, F_COND_WAIT},
	[N_JOIN] = {NONE, F_JOIN},
	[N_SUBMIT] = {N_WORK, F_SUBMIT},
	[N_MINE] = {N_RUN, F_MINE},
	[N_INIT] = {NONE, F_INIT},
	[N_IMPORT] = {N_INIT, F_IMPORT},
	[N_LIB] = {N_RUN, F_COND_WAIT},
};

static struct ft_stacks stacks;

static inline void use(struct scenario *sc, const struct ft_weight *w, size_t cnt)
{
	stacks = (struct ft_stacks){frames, CNT(frames), nodes, CNT(nodes), w, cnt};
	sc->stacks = &stacks;
}

static inline struct ft_weight weigh(__u32 stack, unsigned int kind, __u32 arg, __u64 ms)
{
	return (struct ft_weight){.stack = stack,
				  .arg = arg,
				  .kind = (__u8)kind,
				  .ns = ms * MS,
				  .raw_ns = ms * MS,
				  .cnt = ms};
}

static inline void use_locks(struct scenario *sc, struct ft_lock_rec *rec, size_t cnt)
{
	sc->findings.lock = rec;
	sc->findings.lock_cnt = cnt;
}

#endif
