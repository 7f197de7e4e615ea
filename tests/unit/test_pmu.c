/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/*
 * Tests of the counters of threads. Few virtual machines have hardware counters, so the code runs
 * with those of the kernel (page faults, context switches, time on a core) on a process that knows
 * from getrusage() what each of its threads did.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capture/pmu.h"
#include "oom.h"
#include "os/procfs.h"

#define MS 1000000ull

static const struct ft_pmu_event software[FT_PMU_EVENTS] = {
	{"time on a core", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
	{"page faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
	{"context switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
};

/* What a thread did from when it was ready until it was done. */
struct truth {
	int tid;
	__u64 cpu_ns;
	__u64 faults;
	__u64 switches;
};

struct order {
	unsigned int ms, faults, sleeps;
};

static int to_child[2], from_child[2];

static struct truth stand(void)
{
	struct truth t = {.tid = (int)syscall(SYS_gettid)};
	struct timespec ts;
	struct rusage ru;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	getrusage(RUSAGE_THREAD, &ru);
	t.cpu_ns = (__u64)ts.tv_sec * 1000 * MS + (__u64)ts.tv_nsec;
	t.faults = (__u64)(ru.ru_minflt + ru.ru_majflt);
	t.switches = (__u64)(ru.ru_nvcsw + ru.ru_nivcsw);
	return t;
}

static void work(const struct order *o)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), i;
	__u64 end = stand().cpu_ns + o->ms * MS;
	char *p;

	p = mmap(NULL, (o->faults + 1) * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0);
	if (p == MAP_FAILED || madvise(p, (o->faults + 1) * page, MADV_NOHUGEPAGE))
		_exit(3);
	for (i = 0; i < o->faults; i++)
		p[i * page] = 1;
	for (i = 0; i < o->sleeps; i++)
		usleep(500);
	while (stand().cpu_ns < end)
		;
	munmap(p, (o->faults + 1) * page);
}

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	int step;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

static void wait_for(int step)
{
	pthread_mutex_lock(&gate.mutex);
	while (gate.step < step)
		pthread_cond_wait(&gate.cond, &gate.mutex);
	pthread_mutex_unlock(&gate.mutex);
}

static const struct order orders[3] = {{150, 0, 0}, {20, 3001, 101}, {30, 1009, 0}};

static void tell(const struct truth *t)
{
	if (write(from_child[1], t, sizeof(*t)) != sizeof(*t))
		_exit(4);
}

/* Says that it is there, works when told to, says what it did. The third ends then. */
static void *thread(void *arg)
{
	int no = (int)(intptr_t)arg;
	struct truth before = stand(), after;

	tell(&before);
	wait_for(no == 2 ? 3 : 1);
	work(&orders[no]);
	after = stand();
	after.cpu_ns -= before.cpu_ns;
	after.faults -= before.faults;
	after.switches -= before.switches;
	tell(&after);
	if (no != 2)
		wait_for(4);
	return NULL;
}

/* Two threads in step 0, which work in step 1; a third one in step 2, which works in step 3. */
static void child(void)
{
	pthread_t t[3];
	int i;
	char c;

	do {
		if (read(to_child[0], &c, 1) != 1)
			_exit(5);
		for (i = c == '2' ? 2 : 0; i < (c == '2' ? 3 : c == '0' ? 2 : 0); i++) {
			if (pthread_create(&t[i], NULL, thread, (void *)(intptr_t)i))
				_exit(6);
		}
		pthread_mutex_lock(&gate.mutex);
		gate.step = c - '0';
		pthread_cond_broadcast(&gate.cond);
		pthread_mutex_unlock(&gate.mutex);
	} while (c != '4');
	_exit(0);
}

static int start(void)
{
	int pid;

	assert_true(!pipe(to_child) && !pipe(from_child));
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		child();
	return pid;
}

static void step(char c)
{
	assert_int_equal(write(to_child[1], &c, 1), 1);
}

static struct truth hear(void)
{
	struct truth t;

	assert_int_equal(read(from_child[0], &t, sizeof(t)), sizeof(t));
	return t;
}

static void stop(int pid)
{
	int i;

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (i = 0; i < 2; i++) {
		close(to_child[i]);
		close(from_child[i]);
	}
}

static int open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static size_t threads_of(int pid)
{
	size_t cnt = 0;
	int *tids = NULL;

	assert_int_equal(ft_proc_tasks(FT_PROC, pid, &tids, &cnt), 0);
	free(tids);
	return cnt;
}

static bool near(__u64 got, __u64 want, __u64 off)
{
	return got <= want + off && want <= got + off;
}

/* Whether the kernel lets us count at all. */
static bool may_count(void)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
				       .size = sizeof(attr),
				       .config = PERF_COUNT_SW_TASK_CLOCK};
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);

	if (fd >= 0)
		close(fd);
	else
		print_message("no counters for this user: %s\n", strerror(errno));
	return fd >= 0;
}

static void expect(const struct ft_findings *f, const struct truth *t)
{
	size_t i;

	for (i = 0; i < f->pmu_cnt && f->pmu[i].tid != (__u32)t->tid; i++)
		;
	assert_true(i < f->pmu_cnt);
	/* what a thread does between its own readings and the counters' begin and end */
	if (!near(f->pmu[i].cycles, t->cpu_ns, 5 * MS) ||
	    !near(f->pmu[i].instructions, t->faults, 20) ||
	    !near(f->pmu[i].cache_misses, t->switches, 5))
		fail_msg("%llu ns, %llu faults, %llu switches; truth %llu, %llu, %llu",
			 f->pmu[i].cycles, f->pmu[i].instructions, f->pmu[i].cache_misses,
			 t->cpu_ns, t->faults, t->switches);
}

/* Threads that are there, one that comes and goes, and the main thread, which only waits. */
static void test_threads(void **state)
{
	struct truth t[3];
	struct ft_findings f;
	struct ft_pmu *p;
	int pid, i, files = open_files();

	(void)state;
	if (!may_count())
		skip();
	ft_findings_init(&f);
	pid = start();
	step('0');
	hear();
	hear();
	assert_int_equal(ft_pmu_new(FT_PROC, pid, software, &p), 0);
	step('1');
	t[0] = hear();
	t[1] = hear();
	step('2');
	hear();
	assert_int_equal(ft_pmu_poll(p), 0);
	assert_int_equal(open_files(), files + 4 + 4 * FT_PMU_EVENTS);
	step('3');
	t[2] = hear();
	for (i = 0; i < 1000 && threads_of(pid) > 3; i++)
		usleep(1000);
	assert_int_equal(ft_pmu_poll(p), 0);
	assert_int_equal(open_files(), files + 4 + 3 * FT_PMU_EVENTS);
	assert_int_equal(ft_pmu_fill(p, &f), 0);
	assert_true(f.pmu_ok);
	assert_string_equal(f.pmu_why, "");
	assert_int_equal(f.pmu_cnt, 4);
	for (i = 0; i < 3; i++) {
		assert_true(t[i].cpu_ns >= 20 * MS && t[i].faults + t[i].cpu_ns / MS > 100);
		expect(&f, &t[i]);
	}
	assert_int_equal(f.pmu[0].tid, pid);
	assert_true(f.pmu[0].cycles < 20 * MS);
	/* counts stay when the whole process has ended */
	stop(pid);
	assert_int_equal(ft_pmu_poll(p), 0);
	assert_int_equal(ft_pmu_fill(p, &f), 0);
	assert_int_equal(f.pmu_cnt, 4);
	for (i = 0; i < 3; i++)
		expect(&f, &t[i]);
	assert_int_equal(open_files(), files);
	ft_pmu_free(p);
	ft_findings_free(&f);
}

/* Counters that are not there: said, and nothing is kept open. */
static void test_none(void **state)
{
	static const struct ft_pmu_event unknown[FT_PMU_EVENTS] = {
		{"cycles", 0x7fffffff, 0}, {"instructions", 0x7fffffff, 1}, {"x", 0x7fffffff, 2}};
	static const struct ft_pmu_event partly[FT_PMU_EVENTS] = {
		{"time", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
		{"page faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
		{"cache misses", PERF_TYPE_SOFTWARE, 0x7fffffff}};
	int files = open_files();
	bool may = may_count();
	struct ft_findings f;
	struct ft_pmu *p;

	(void)state;
	ft_findings_init(&f);
	assert_int_equal(ft_pmu_new(FT_PROC, getpid(), unknown, &p), 0);
	assert_int_equal(ft_pmu_poll(p), 0);
	assert_int_equal(ft_pmu_fill(p, &f), 0);
	assert_false(f.pmu_ok);
	assert_string_equal(f.pmu_why, may ? "no hardware counters on this machine"
					   : "hardware counters may not be read here");
	assert_int_equal(f.pmu_cnt, 0);
	ft_pmu_free(p);
	assert_int_equal(ft_pmu_new(FT_PROC, getpid(), partly, &p), 0);
	assert_int_equal(open_files(), files);
	assert_int_equal(ft_pmu_fill(p, &f), 0);
	assert_false(f.pmu_ok);
	if (may)
		assert_string_equal(f.pmu_why, "this machine does not count cache misses");
	ft_pmu_free(p);
	/* a process that is not there */
	assert_int_equal(ft_pmu_new("tests/fixtures/proc/basic", 99, software, &p), 0);
	assert_int_equal(ft_pmu_fill(p, &f), 0);
	assert_true(!f.pmu_ok && f.pmu_why[0]);
	ft_pmu_free(p);
	ft_pmu_free(NULL);
	ft_findings_free(&f);
}

/* Those of this machine, if it has any. */
static void test_hardware(void **state)
{
	volatile __u64 sum = 0;
	struct ft_findings f;
	struct ft_pmu *p;
	__u64 i;

	(void)state;
	ft_findings_init(&f);
	assert_int_equal(ft_pmu_new(FT_PROC, getpid(), ft_pmu_hardware, &p), 0);
	for (i = 0; i < 20000000; i++)
		sum += i;
	assert_int_equal(ft_pmu_fill(p, &f), 0);
	if (f.pmu_ok) {
		assert_int_equal(f.pmu_cnt, 1);
		assert_true(f.pmu[0].instructions > 20000000 && f.pmu[0].cycles > 2000000);
	} else {
		print_message("%s\n", f.pmu_why);
		assert_true(f.pmu_why[0] && !f.pmu_cnt && !f.pmu);
	}
	ft_pmu_free(p);
	ft_findings_free(&f);
}

static void *idle(void *arg)
{
	char c;

	return read(*(int *)arg, &c, 1) ? NULL : arg;
}

/* Where few files may be open, few threads count, and that is said. */
static void test_few_files(void **state)
{
	struct rlimit old, few;
	struct ft_findings f;
	pthread_t t[20];
	struct ft_pmu *p;
	int i, fd, last = 0, files, pipes[2];
	bool may = may_count();

	(void)state;
	ft_findings_init(&f);
	assert_int_equal(pipe(pipes), 0);
	for (i = 0; i < 20; i++)
		assert_int_equal(pthread_create(&t[i], NULL, idle, &pipes[0]), 0);
	getrlimit(RLIMIT_NOFILE, &old);
	few = old;
	few.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	files = open_files();
	assert_int_equal(ft_pmu_new(FT_PROC, getpid(), software, &p), 0);
	assert_int_equal(ft_pmu_poll(p), 0);
	assert_int_equal(ft_pmu_fill(p, &f), 0);
	if (may) {
		assert_int_equal(open_files(), files + 10 * FT_PMU_EVENTS);
		assert_string_equal(f.pmu_why, "up to 11 threads at a time have no counters");
	}
	ft_pmu_free(p);
	/* fewer than it thinks: there is room for two threads and a third of one */
	while ((fd = dup(0)) >= 0)
		last = fd;
	assert_int_equal(close_range((unsigned int)last - 6, (unsigned int)last, 0), 0);
	files = open_files();
	assert_int_equal(ft_pmu_new(FT_PROC, getpid(), software, &p), 0);
	assert_int_equal(ft_pmu_fill(p, &f), 0);
	if (may)
		assert_string_equal(f.pmu_why, "up to 19 threads at a time have no counters");
	ft_pmu_free(p);
	assert_int_equal(open_files(), files);
	assert_int_equal(close_range((unsigned int)pipes[1] + 1, 64, 0), 0);
	setrlimit(RLIMIT_NOFILE, &old);
	close(pipes[1]);
	for (i = 0; i < 20; i++)
		pthread_join(t[i], NULL);
	close(pipes[0]);
	ft_findings_free(&f);
}

static void test_scale(void **state)
{
	(void)state;
	assert_int_equal(ft_pmu_scale(700, 1000, 1000), 700);
	assert_int_equal(ft_pmu_scale(700, 1000, 250), 2800);
	assert_int_equal(ft_pmu_scale(1ull << 62, 3ull << 40, 2ull << 40), 3ull << 61);
	assert_int_equal(ft_pmu_scale(1ull << 62, 1ull << 40, 2), ~0ull);
	assert_int_equal(ft_pmu_scale(700, 1000, 0), 0);
	assert_int_equal(ft_pmu_scale(700, 0, 0), 0);
	assert_int_equal(ft_pmu_scale(700, 999, 1000), 700);
}

static void test_oom(void **state)
{
	int files = open_files(), err = 0;
	struct ft_findings f;
	struct ft_pmu *p;
	long n;

	(void)state;
	ft_findings_init(&f);
	for (n = 1; n < 20; n++) {
		failed = false;
		countdown = n;
		err = ft_pmu_new(FT_PROC, getpid(), software, &p);
		if (!err)
			err = ft_pmu_fill(p, &f);
		countdown = 0;
		ft_pmu_free(p);
		if (!failed)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(open_files(), files);
		assert_null(f.pmu);
	}
	assert_int_equal(err, 0);
	assert_true(n > 3 && n < 20);
	ft_findings_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),	  cmocka_unit_test(test_none),
		cmocka_unit_test(test_hardware),  cmocka_unit_test(test_scale),
		cmocka_unit_test(test_few_files), cmocka_unit_test(test_oom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
