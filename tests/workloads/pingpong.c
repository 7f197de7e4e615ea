/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two threads or processes that pass one byte through pipes: the highest rate of context switches
 * that a program can make.
 *
 *     pingpong [ROUNDS [threads|processes [CPU CPU]]]
 *
 * Truth: 2 * ROUNDS hand-overs. On one core (CPU 0 0) each is a context switch; on two, each is a
 * wake-up from idle. Follows the protocol of workload.py.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct side {
	int in, out, cpu;
	unsigned long rounds;
	int starts; /* sends first */
};

static void die(const char *what)
{
	fprintf(stderr, "pingpong: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *play(void *arg)
{
	struct side *s = arg;
	char byte = 'x';

	if (s->cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(s->cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			die("sched_setaffinity");
	}
	for (unsigned long i = 0; i < s->rounds; i++) {
		if (s->starts && write(s->out, &byte, 1) != 1)
			die("write");
		if (read(s->in, &byte, 1) != 1)
			die("read");
		if (!s->starts && write(s->out, &byte, 1) != 1)
			die("write");
	}
	return NULL;
}

static int cpu_arg(const char *text)
{
	char *end;
	long cpu = strtol(text, &end, 10);

	if (end == text || *end || cpu < -1 || cpu >= CPU_SETSIZE) {
		fprintf(stderr, "pingpong: not a CPU: %s\n", text);
		exit(2);
	}
	return (int)cpu;
}

static unsigned long long now_ns(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts))
		die("clock_gettime");
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
	int processes = argc > 2 && !strcmp(argv[2], "processes");
	struct side a = {.rounds = rounds, .cpu = argc > 3 ? cpu_arg(argv[3]) : -1, .starts = 1};
	struct side b = {.rounds = rounds, .cpu = argc > 4 ? cpu_arg(argv[4]) : a.cpu};
	unsigned long long start, stop;
	int ab[2], ba[2], status = 0;
	pthread_t thread;
	pid_t child = 0;
	char line[16];

	if (!rounds) {
		fprintf(stderr, "usage: pingpong [ROUNDS [threads|processes [CPU CPU]]]\n");
		return 2;
	}
	if (pipe(ab) || pipe(ba))
		die("pipe");
	a.out = ab[1];
	b.in = ab[0];
	b.out = ba[1];
	a.in = ba[0];
	printf("ready %d\n", (int)getpid());
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	start = now_ns();
	if (processes) {
		child = fork();
		if (child < 0)
			die("fork");
		if (!child) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			play(&b);
			_exit(0);
		}
	} else {
		errno = pthread_create(&thread, NULL, play, &b);
		if (errno)
			die("pthread_create");
	}
	play(&a);
	if (processes) {
		if (waitpid(child, &status, 0) < 0 || status)
			die("the other process failed");
	} else {
		pthread_join(thread, NULL);
	}
	stop = now_ns();
	printf("{\"rounds\": %lu, \"handovers\": %lu, \"child\": %d, \"wall_ns\": %llu, "
	       "\"start_ns\": %llu, \"stop_ns\": %llu}\n",
	       rounds, 2 * rounds, (int)child, stop - start, start, stop);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		;
	return 0;
}
