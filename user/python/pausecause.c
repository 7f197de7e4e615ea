/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why the world was stopped, by the function that asked: every caller of _PyEval_StopTheWorld()
 * and _PyEval_StopTheWorldAll() in 3.13.15 and 3.14.6, and functions that compilers inline those
 * into. What is not here is "other": Py_SetRecursionLimit(), Py_EndInterpreter(), finalization,
 * _PyInterpreterState_SetEvalFrameFunc(), a function's new code or defaults (PyFunction_Set*(),
 * func_set_*()), gc.freeze(), gc.unfreeze(), gc.set_threshold(), a task of asyncio that another
 * thread ends, and the ways out when there is no memory (_Py_brc_queue_object(), free_delayed(),
 * _PyMem_FreeDelayed(), _PyObject_FreeDelayed()).
 */
#include <string.h>
#include "python/ftsites.h"

/* The values of enum ft_pause_cause (record/findings.h). */
enum cause {
	OTHER = 0,
	GC = 1,
	IMPORT = 2,
	FORK = 3,
	TRACE = 4,
	CLASS = 5,
	THREADS = 6,
	INSPECT = 7,
};

static const struct {
	const char *func;
	enum cause cause;
} asks[] = {
	{"gc_collect_main", GC},
	{"gc_collect_internal", GC},
	{"gc_collect", GC},
	{"gc_collect_with_callback", GC},
	{"_PyGC_Collect", GC},
	{"_PyGC_CollectNoFail", GC},
	{"_Py_RunGC", GC},
	{"PyGC_Collect", GC},

	{"_PyEval_EnableGILTransient", IMPORT},

	{"PyOS_BeforeFork", FORK},
	{"os_fork", FORK},
	{"os_fork1", FORK},
	{"os_forkpty", FORK},

	{"_PyEval_SetTrace", TRACE},
	{"_PyEval_SetProfile", TRACE},
	{"_PyEval_SetTraceAllThreads", TRACE},
	{"_PyEval_SetProfileAllThreads", TRACE},
	{"PyEval_SetTrace", TRACE},
	{"PyEval_SetProfile", TRACE},
	{"PyEval_SetTraceAllThreads", TRACE},
	{"PyEval_SetProfileAllThreads", TRACE},
	{"_PyEval_SetOpcodeTrace", TRACE},
	{"_PyMonitoring_RegisterCallback", TRACE},
	{"_PyMonitoring_SetEvents", TRACE},
	{"_PyMonitoring_SetLocalEvents", TRACE},
	{"_PyMonitoring_ClearToolId", TRACE},
	{"monitoring_register_callback", TRACE},
	{"monitoring_restart_events", TRACE},
	{"monitoring_set_events", TRACE},
	{"monitoring_set_local_events", TRACE},
	{"monitoring_clear_tool_id", TRACE},
	{"monitoring_free_tool_id", TRACE},
	{"_Py_call_instrumentation", TRACE},
	{"_Py_call_instrumentation_2args", TRACE},
	{"_Py_call_instrumentation_arg", TRACE},
	{"_Py_call_instrumentation_exc_vector", TRACE},
	{"_Py_call_instrumentation_instruction", TRACE},
	{"_Py_call_instrumentation_jump", TRACE},
	{"_Py_call_instrumentation_line", TRACE},
	{"call_instrumentation_vector", TRACE},
	{"call_instrumentation_vector_protected", TRACE},

	{"object_set_class", CLASS},
	{"type_set_bases", CLASS},
	{"type_set_bases_unlocked", CLASS},
	{"type_set_name", CLASS},
	{"types_stop_world", CLASS},
	{"set_tp_mro", CLASS},
	{"mro_internal", CLASS},
	{"mro_internal_unlocked", CLASS},
	{"mro_hierarchy", CLASS},
	{"mro_hierarchy_for_complete_type", CLASS},

	{"_Py_qsbr_reserve", THREADS},
	{"_Py_ClearUnusedTLBC", THREADS},
	{"_PyGC_ImmortalizeDeferredObjects", THREADS}, /* 3.13: when the first thread is started */

	{"_PyThread_CurrentFrames", INSPECT},
	{"_PyThread_CurrentExceptions", INSPECT},
	{"sys__current_frames", INSPECT},
	{"sys__current_exceptions", INSPECT},
	{"_PyGC_GetObjects", INSPECT},
	{"_PyGC_GetReferrers", INSPECT},
	{"_PyGC_GetFreezeCount", INSPECT},
	{"PyUnstable_GC_VisitObjects", INSPECT},
	{"gc_get_objects", INSPECT},
	{"gc_get_referrers", INSPECT},
	{"gc_get_referents", INSPECT},
	{"gc_get_freeze_count", INSPECT},
	{"get_num_global_allocated_blocks", INSPECT}, /* sys.getallocatedblocks() */
	{"_Py_GetGlobalAllocatedBlocks", INSPECT},
	{"faulthandler_dump_traceback_py", INSPECT},
	{"_asyncio_all_tasks", INSPECT},
	{"_asyncio_current_task", INSPECT},
};

#define ASKS_CNT (sizeof(asks) / sizeof(asks[0]))

/* The part of a name that is in the source: compilers add ".constprop.0", Argument Clinic "_impl".
 */
static size_t plain_length(const char *func)
{
	size_t n = strcspn(func, ".");

	if (n > 5 && !memcmp(func + n - 5, "_impl", 5))
		n -= 5;
	return n;
}

__u32 ft_pause_cause_of(const char *func)
{
	size_t n, i;

	if (!func)
		return OTHER;
	n = plain_length(func);
	for (i = 0; i < ASKS_CNT; i++) {
		if (!strncmp(func, asks[i].func, n) && !asks[i].func[n])
			return asks[i].cause;
	}
	return OTHER;
}
