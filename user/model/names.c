/* SPDX-License-Identifier: BSD-2-Clause */
/* States and verdicts in the words of the JSON and in the words of people. */
#include "model/model.h"

static const char *const state_names[FT_R_CNT] = {
	[FT_R_ON_GIL] = "on_gil",
	[FT_R_ON_FREE] = "on_free",
	[FT_R_ON_SPIN] = "on_spin",
	[FT_R_GIL_WAIT] = "gil_wait",
	[FT_R_GIL_SWITCH] = "gil_switch",
	[FT_R_LOCK_WAIT] = "lock_wait",
	[FT_R_SYNC_WAIT] = "sync_wait",
	[FT_R_STW] = "stw",
	[FT_R_RUNQ] = "runq",
	[FT_R_BLOCKED] = "blocked",
	[FT_R_FAULT] = "fault",
	[FT_R_STOPPED] = "stopped",
};

static const char *const state_words[FT_R_CNT] = {
	[FT_R_ON_GIL] = "Python",
	[FT_R_ON_FREE] = "native, GIL free",
	[FT_R_ON_SPIN] = "spins for lock",
	[FT_R_GIL_WAIT] = "waits GIL",
	[FT_R_GIL_SWITCH] = "hands GIL over",
	[FT_R_LOCK_WAIT] = "waits lock",
	[FT_R_SYNC_WAIT] = "waits in the program's own locks and queues",
	[FT_R_STW] = "paused by interpreter",
	[FT_R_RUNQ] = "waits core",
	[FT_R_BLOCKED] = "asleep",
	[FT_R_FAULT] = "in a page fault",
	[FT_R_STOPPED] = "stopped",
};

static const char *const kind_names[] = {
	[FT_V_INCONCLUSIVE] = "inconclusive",
	[FT_V_GIL_BOUND] = "gil_bound",
	[FT_V_GIL_RETURNED] = "gil_returned",
	[FT_V_LOCK_BOUND] = "lock_bound",
	[FT_V_SHARING_BOUND] = "sharing_bound",
	[FT_V_STW_BOUND] = "stw_bound",
	[FT_V_CPU_STARVED] = "cpu_starved",
	[FT_V_IO_BOUND] = "io_bound",
	[FT_V_SINGLE_THREADED] = "single_threaded",
	[FT_V_PARALLEL] = "parallel",
	[FT_V_IDLE] = "idle",
};

const char *ft_rstate_name(enum ft_rstate s)
{
	return (unsigned int)s < FT_R_CNT ? state_names[s] : "unknown";
}

const char *ft_gil_state_name(__u32 gil)
{
	switch (gil) {
	case FT_GIL_ON:
		return "on";
	case FT_GIL_OFF:
		return "off";
	case FT_GIL_ENABLED:
		return "enabled_by_import";
	default:
		return "unknown";
	}
}

const char *ft_gil_words(__u32 gil)
{
	switch (gil) {
	case FT_GIL_ON:
		return "GIL on";
	case FT_GIL_OFF:
		return "GIL off";
	case FT_GIL_ENABLED:
		return "GIL switched on";
	default:
		return "GIL not known";
	}
}

const char *ft_rstate_words(enum ft_rstate s, bool gil_present)
{
	if ((unsigned int)s >= FT_R_CNT)
		return "unknown";
	if (s == FT_R_ON_FREE && !gil_present)
		return "running";
	return state_words[s];
}

const char *ft_verdict_name(enum ft_verdict_kind kind)
{
	if ((unsigned int)kind >= sizeof(kind_names) / sizeof(kind_names[0]))
		return "inconclusive";
	return kind_names[kind];
}
