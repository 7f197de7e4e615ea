/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes that do nothing but use a core: foreign load beside a profiled program.
 *
 *     hogs [COUNT [SECONDS [CPU]]]
 *
 * Truth: COUNT processes, none of them Python, on core CPU or wherever the kernel puts them.
 * Follows the protocol of workload.py; they end with their parent.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "hogs: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		die("clock_gettime");
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void hog(double until, int cpu)
{
	volatile unsigned long count = 0;

	if (cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			die("sched_setaffinity");
	}
	while (now(CLOCK_MONOTONIC) < until) {
		for (int i = 0; i < 100000; i++)
			count++;
	}
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
	double seconds = argc > 2 ? strtod(argv[2], NULL) : 5;
	long cpu = argc > 3 ? strtol(argv[3], NULL, 10) : -1;
	int status, failed = 0;
	struct rusage used;
	double start;
	char line[16];

	if (count < 1 || count > 1000 || !(seconds > 0) || cpu < -1 || cpu >= CPU_SETSIZE) {
		fprintf(stderr, "usage: hogs [COUNT [SECONDS [CPU]]]\n");
		return 2;
	}
	printf("ready %d\n", (int)getpid());
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	start = now(CLOCK_MONOTONIC);
	for (long i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			hog(start + seconds, (int)cpu);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		failed |= status;
	if (getrusage(RUSAGE_CHILDREN, &used))
		die("getrusage");
	printf("{\"count\": %ld, \"wall_s\": %.6f, \"cpu_s\": %.6f}\n", count,
	       now(CLOCK_MONOTONIC) - start, used.ru_utime.tv_sec + used.ru_utime.tv_usec / 1e6);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		;
	return failed != 0;
}
