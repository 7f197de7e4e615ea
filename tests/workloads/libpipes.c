/* SPDX-License-Identifier: BSD-2-Clause */
/* What pipes.py calls through ctypes, with the GIL released: hand-overs of one byte, and naps. */
#include <time.h>
#include <unistd.h>

long pass_bytes(int in, int out, long rounds, int starts);
long take_naps(long count, long ns);

/* Passes a byte back and forth; returns the rounds done. The other side runs with `starts` 0. */
long pass_bytes(int in, int out, long rounds, int starts)
{
	char byte = 'x';
	long i;

	for (i = 0; i < rounds; i++) {
		if (starts && write(out, &byte, 1) != 1)
			break;
		if (read(in, &byte, 1) != 1)
			break;
		if (!starts && write(out, &byte, 1) != 1)
			break;
	}
	return i;
}

long take_naps(long count, long ns)
{
	struct timespec nap = {.tv_nsec = ns};
	long i;

	for (i = 0; i < count; i++)
		nanosleep(&nap, NULL);
	return i;
}
