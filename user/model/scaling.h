/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why a program does not scale: what a session found about locks, sharing, pauses and the GIL's
 * return, and the core-seconds that each of them cost (docs/design.md).
 */
#ifndef FT_MODEL_SCALING_H
#define FT_MODEL_SCALING_H

#include "model/locks.h"
#include "model/model.h"
#include "model/sharing.h"

enum ft_loss_cause {
	FT_LOSS_LOCK = 0,
	FT_LOSS_STW,
	FT_LOSS_GIL,
	FT_LOSS_RUNQ,
	FT_LOSS_SINGLE,
	FT_LOSS_REFCOUNT,
	FT_LOSS_CNT,
};

struct ft_loss {
	enum ft_loss_cause cause;
	__u64 lost_ns;		       /* core time */
	const struct ft_mlock *lock;   /* of LOCK, NULL: several small ones */
	const struct ft_mshare *share; /* of REFCOUNT; NULL: see `code`, or several small ones */
	__u32 pause;		       /* enum ft_pause_cause, of STW */
	__u32 code;		       /* REFCOUNT: enum ft_code_class */
	__u32 others;		       /* how many small ones this row has, 0: it is a single one */
	char where[256];	       /* both are a stranger's bytes in our words */
	char advice[320];	       /* one plain sentence or two */
};

/* Pauses of one cause; where the probes were not always in place all but the longest is estimated
 * from the time in which they were. */
struct ft_mpause {
	__u64 cnt;
	__u64 to_stop_ns;
	__u64 stopped_ns;
	__u64 max_ns;		 /* longest that was seen */
	__u64 threads;		 /* that went to sleep for them */
	char func[96];		 /* the interpreter's function with most of it, or empty */
	char site[FT_PLACE_LEN]; /* who asked, or empty */
};

struct ft_scaling {
	const struct ft_findings *f; /* never NULL */
	struct ft_locks locks;
	struct ft_sharing sharing;
	struct ft_mpause pause[FT_PC_CNT];
	struct ft_mpause pauses; /* all of them */
	bool pauses_estimated;
	__u64 pause_p50_ns, pause_p99_ns;
	/* the GIL of a free-threaded build */
	const struct ft_gil_rec *gil_on;  /* when it came back for good, NULL: not known */
	const struct ft_ext_rec *gil_ext; /* what brought it back, NULL: not known */
	const char *gil_module;		  /* the same by name, "" not known */
	size_t ext_used;    /* extensions that are not of CPython and ask for the GIL */
	size_t ext_unknown; /* that may */
	/* core-seconds; heaviest first, none below 1 % of the budget. Free-threaded builds only */
	struct ft_loss *loss;
	size_t loss_cnt;
	__u64 budget_ns; /* cores x time */
	__u64 lost_ns;	 /* the sum of the rows */
	__u64 idle_ns;	 /* of the budget: neither used nor taken */
	__u64 others_ns; /* of it: other processes' */
};

/*
 * Builds *out for a model that has its figures of threads, cores and the GIL. findings and stacks
 * may be NULL, and must outlive *out. others_ns: time that the process's cores gave to others, 0
 * where it is not known. 0 or -ENOMEM.
 */
int ft_scaling_build(const struct ft_model *m, const struct ft_findings *f,
		     const struct ft_stacks *s, __u64 others_ns, struct ft_scaling **out);
void ft_scaling_free(struct ft_scaling *sc); /* NULL is fine */

const char *ft_loss_name(enum ft_loss_cause cause); /* "gil_reenabled": of the JSON */
const char *ft_pause_name(__u32 cause);		    /* "gc": of the JSON */
const char *ft_ext_gil_name(__u32 gil);		    /* "not_used" */

/* scaling_text.c: fills where and advice. */
void ft_loss_say(const struct ft_model *m, const struct ft_scaling *sc, struct ft_loss *l);
/* "dict", "threading.Lock", "the interpreter's type lock", "lock in libfoo.so". Returns buf. */
char *ft_lock_words(const struct ft_mlock *l, char *buf, size_t sz);
/* "garbage collection" */
const char *ft_pause_words(__u32 cause);
/* One sentence on what to do about a lock, sharing, pauses. */
void ft_advise_lock(const struct ft_mlock *l, char *buf, size_t sz);
void ft_advise_share(const struct ft_mshare *sh, char *buf, size_t sz);
const char *ft_advise_pause(__u32 cause);
/* Who may have brought the GIL back: "a (x 1.0), b and 3 more"; empty: nobody is known. */
char *ft_gil_suspects(const struct ft_scaling *sc, char *buf, size_t sz);

#endif
