/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* Tests of a process's memory over time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/memory.h"
#include "oom.h"
#include "os/procfs.h"

#define BASIC "tests/fixtures/proc/basic"
#define PACE FT_MEMORY_PACE_NS
#define MIB (1024.0 * 1024)

static struct ft_memory m;

/* However long it lasts and whenever it is asked: in order, evenly apart, from the beginning on. */
static void test_pace(void **state)
{
	struct ft_findings f;
	__u64 now, step = PACE / 8;
	size_t i, most = 0;

	(void)state;
	ft_findings_init(&f);
	ft_memory_init(&m, BASIC, 100);
	for (now = 1000; now < 1000 + 5000 * PACE; now += step) {
		ft_memory_step(&m, now);
		most = m.cnt > most ? m.cnt : most;
		assert_true(m.cnt <= FT_MEMORY_MAX);
		assert_true(now < 600 * PACE || m.cnt >= FT_MEMORY_MAX / 2);
	}
	assert_int_equal(most, FT_MEMORY_MAX);
	assert_int_equal(ft_memory_fill(&m, &f), 0);
	/* 5,000 points would have been taken: halved four times */
	assert_int_equal(f.memory_cnt, (5000 + 15) / 16);
	for (i = 0; i < f.memory_cnt; i++) {
		assert_int_equal(f.memory[i].ts_ns, 1000 + i * 16 * PACE);
		assert_int_equal(f.memory[i].rss_bytes, sysconf(_SC_PAGESIZE));
	}
	ft_findings_free(&f);
}

static double rollup(int pid)
{
	char path[64], line[256];
	double kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) && sscanf(line, "Rss: %lf kB", &kib) != 1)
		;
	fclose(f);
	return kib / 1024;
}

/* A process that takes 64 MiB when it is told to, against what the kernel counts page by page. */
static void test_grows(void **state)
{
	int to[2], from[2], pid;
	double before, after;
	struct ft_findings f;
	siginfo_t info;
	cpu_set_t one, all;
	char c = 0, *p;

	(void)state;
	ft_findings_init(&f);
	/* the kernel's counters lag by 32 pages of each kind, and more with many cores, a core */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	assert_true(!sched_getaffinity(0, sizeof(all), &all));
	assert_true(!sched_setaffinity(0, sizeof(one), &one));
	assert_true(!pipe(to) && !pipe(from));
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		p = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
		if (p == MAP_FAILED || read(to[0], &c, 1) != 1)
			_exit(1);
		memset(p, 1, 64 << 20);
		_exit(write(from[1], &c, 1) == 1 && read(to[0], &c, 1) == 1 ? 0 : 1);
	}
	ft_memory_init(&m, FT_PROC, pid);
	ft_memory_step(&m, 1);
	before = rollup(pid);
	assert_int_equal(write(to[1], "x", 1), 1);
	assert_int_equal(read(from[0], &c, 1), 1);
	ft_memory_step(&m, 2); /* too early */
	ft_memory_step(&m, 1 + PACE);
	after = rollup(pid);
	assert_int_equal(write(to[1], "x", 1), 1);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	ft_memory_step(&m, 1 + 2 * PACE); /* has ended */
	waitpid(pid, NULL, 0);
	ft_memory_step(&m, 1 + 3 * PACE); /* is gone */
	assert_int_equal(ft_memory_fill(&m, &f), 0);
	assert_int_equal(f.memory_cnt, 2);
	assert_true((double)f.memory[0].rss_bytes / MIB > before - 1 &&
		    (double)f.memory[0].rss_bytes / MIB < before + 1);
	assert_true((double)f.memory[1].rss_bytes / MIB > after - 1 &&
		    (double)f.memory[1].rss_bytes / MIB < after + 1);
	assert_true(after - before > 60);
	assert_true(!sched_setaffinity(0, sizeof(all), &all));
	assert_int_equal(f.memory[1].ts_ns, 1 + PACE);
	ft_findings_free(&f);
	close(to[0]);
	close(to[1]);
	close(from[0]);
	close(from[1]);
}

static void test_fill(void **state)
{
	struct ft_findings f;

	(void)state;
	ft_findings_init(&f);
	ft_memory_init(&m, BASIC, 99);
	ft_memory_step(&m, 1);
	assert_int_equal(ft_memory_fill(&m, &f), 0);
	assert_null(f.memory);
	ft_memory_init(&m, BASIC, 100);
	ft_memory_step(&m, 1);
	countdown = 1;
	assert_int_equal(ft_memory_fill(&m, &f), -ENOMEM);
	assert_int_equal(f.memory_cnt, 0);
	assert_int_equal(ft_memory_fill(&m, &f), 0);
	ft_memory_step(&m, 1 + PACE);
	assert_int_equal(ft_memory_fill(&m, &f), 0);
	assert_int_equal(f.memory_cnt, 2);
	ft_findings_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pace),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_fill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
