/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of symbols: demangled for people, and those that mean something to us. */
#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "os/symbols_priv.h"

#define DEMANGLE_LEN_MAX 8192
#define DEMANGLED_MAX (64ull * 1024 * 1024)
#define RUST_HASH_LEN 17 /* "h" and 16 hexadecimal digits */

struct ft_demangler {
	void *lib;
	char *(*cxa)(const char *name, char *buf, size_t *len, int *status);
};

struct ft_demangler *ft_demangler_new(void)
{
	struct ft_demangler *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->lib = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL);
	if (d->lib)
		*(void **)&d->cxa = dlsym(d->lib, "__cxa_demangle");
	return d;
}

void ft_demangler_free(struct ft_demangler *d)
{
	if (!d)
		return;
	if (d->lib)
		dlclose(d->lib);
	free(d);
}

/*
 * A back reference (S_, S4_, T_, T1_) can double what was said before it, so that a short name of
 * a stranger's becomes longer than all memory: those that might are left alone.
 */
static bool is_bomb(const char *name, size_t len)
{
	__u64 bound = len;
	size_t i, j;

	for (i = 0; i + 1 < len; i++) {
		if (name[i] != 'S' && name[i] != 'T')
			continue;
		j = i + 1;
		while (j < len &&
		       (isdigit((unsigned char)name[j]) || isupper((unsigned char)name[j])))
			j++;
		if (j == len || name[j] != '_')
			continue;
		bound *= 2;
		if (bound > DEMANGLED_MAX)
			return true;
	}
	return false;
}

/* The length of Rust's escape that s begins with, 0 if it is none; *c is what it stands for. */
static size_t rust_escape(const char *s, char *c)
{
	static const struct {
		const char *esc;
		char c;
	} map[] = {
		{"$SP$", '@'},	 {"$BP$", '*'},	 {"$RF$", '&'},	 {"$LT$", '<'},	 {"$GT$", '>'},
		{"$LP$", '('},	 {"$RP$", ')'},	 {"$C$", ','},	 {"$u7e$", '~'}, {"$u20$", ' '},
		{"$u27$", '\''}, {"$u5b$", '['}, {"$u5d$", ']'}, {"$u7b$", '{'}, {"$u7d$", '}'},
		{"$u3b$", ';'},	 {"$u2b$", '+'}, {"$u22$", '"'}, {"$u3d$", '='},
	};
	size_t i;

	for (i = 0; *s == '$' && i < sizeof(map) / sizeof(map[0]); i++) {
		size_t n = strlen(map[i].esc);

		if (!strncmp(s, map[i].esc, n)) {
			*c = map[i].c;
			return n;
		}
	}
	return 0;
}

/* In place: what is written is never longer than what was read. */
static void rust_unescape(char *s)
{
	bool start = true;
	char *d = s;

	while (*s) {
		size_t n;
		char c;

		/* an identifier cannot begin with an escape: rustc puts a "_" before it */
		if (start && s[0] == '_' && rust_escape(s + 1, &c))
			s++;
		start = false;
		n = rust_escape(s, &c);
		if (n) {
			*d++ = c;
			s += n;
		} else if (s[0] == '.' && s[1] == '.') {
			*d++ = ':';
			*d++ = ':';
			s += 2;
		} else {
			start = s[0] == ':';
			*d++ = *s++;
		}
	}
	*d = 0;
}

/* rustc's older mangling is that of C++, with a hash as the last part: "17h<16 digits>E". */
static bool is_rust(const char *name, size_t len)
{
	size_t i;

	if (strncmp(name, "_ZN", 3) || len < 3 + 3 + RUST_HASH_LEN || name[len - 1] != 'E' ||
	    strncmp(name + len - RUST_HASH_LEN - 3, "17h", 3))
		return false;
	for (i = len - RUST_HASH_LEN; i < len - 1; i++) {
		if (!isdigit((unsigned char)name[i]) && (name[i] < 'a' || name[i] > 'f'))
			return false;
	}
	return true;
}

static int demangle(struct ft_demangler *d, char *name, char **out)
{
	size_t len = strlen(name);
	bool rust = is_rust(name, len);
	int status = 0;
	char *s;

	if (strncmp(name, "_Z", 2) || !d->cxa || len > DEMANGLE_LEN_MAX || is_bomb(name, len))
		return 0;
	s = d->cxa(name, NULL, NULL, &status);
	if (!s)
		return status == -1 ? -ENOMEM : 0;
	if (rust) {
		len = strlen(s);
		if (len > RUST_HASH_LEN + 2 && !strncmp(s + len - RUST_HASH_LEN - 2, "::h", 3))
			s[len - RUST_HASH_LEN - 2] = 0;
		rust_unescape(s);
	}
	*out = s;
	return 0;
}

int ft_demangle(struct ft_demangler *d, const char *name, char **out)
{
	const char *at = strchr(name, '@');
	char *copy = NULL, *pretty = NULL;
	int err;

	*out = NULL;
	/* "memcpy@@GLIBC_2.14", as some linkers write it */
	if (at && at > name && (at[1] == '@' || isalpha((unsigned char)at[1])))
		copy = strndup(name, (size_t)(at - name));
	else if (!strncmp(name, "_Z", 2))
		copy = strdup(name);
	else
		return 0;
	if (!copy)
		return -ENOMEM;
	err = demangle(d, copy, &pretty);
	if (pretty || err) {
		free(copy);
		copy = NULL;
	}
	*out = pretty ? pretty : copy;
	return err;
}

/* The name itself, or what a compiler made of it: "name.cold", "name.constprop.0", ... */
static bool is_clone_of(const char *name, const char *of)
{
	size_t n = strlen(of);

	return !strncmp(name, of, n) && (!name[n] || name[n] == '.' || name[n] == '@');
}

bool ft_symbol_is_eval(const char *name)
{
	/* from 3.14 on each opcode can be a function that ends in a tail call (by clang) */
	return is_clone_of(name, "_PyEval_EvalFrameDefault") ||
	       !strncmp(name, "_TAIL_CALL_", strlen("_TAIL_CALL_"));
}

bool ft_symbol_is_root(const char *name)
{
	static const char *const roots[] = {
		"_start",	"_dl_start_user", "__libc_start_call_main",
		"start_thread", "clone",	  "__clone",
		"clone3",	"__clone3",	  "thread_start",
	};
	size_t i;

	/* also __libc_start_main_impl, and "@@GLIBC_2.34" */
	if (!strncmp(name, "__libc_start_main", strlen("__libc_start_main")))
		return true;
	for (i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		if (is_clone_of(name, roots[i]))
			return true;
	}
	return false;
}
