/* SPDX-License-Identifier: BSD-2-Clause */
/* A command in one string, split into words as a shell does it, but with nothing expanded. */
#ifndef FT_BASE_WORDS_H
#define FT_BASE_WORDS_H

#include <stddef.h>

/*
 * Blanks part words; '...' is literal; in "..." a backslash takes \ " $ ` literally, and outside
 * of quotes any character. What only a shell can do is refused where it is not quoted: | & ; < >
 * ( ) $ ` and newlines; * ? [ ~ and # are characters as any other. *argv: NULL-terminated, with
 * one word at least; free() it, the words are in the same block. 0, -ENOMEM, or -EINVAL with one
 * plain sentence, without its end, in why.
 */
int ft_words_split(const char *s, char ***argv, char *why, size_t why_sz);

#endif
