/* manual.h - a page of the manual, in the language of man(7), on a stream. Texts are plain: what would
 * mean something to that language is escaped here. Any thread. */
#ifndef AGENT_BASE_MANUAL_H
#define AGENT_BASE_MANUAL_H

#include <stdbool.h>
#include <stdio.h>

/* The head of a page and its NAME: "studio-agent", "1", "keeps the status of gaming tables". */
void manual_begin(FILE *out, const char *name, const char *section, const char *what);

/* The chapter that follows, and a part of it. */
void manual_chapter(FILE *out, const char *title);
void manual_part(FILE *out, const char *title);

/* A paragraph; more of the same. */
void manual_paragraph(FILE *out, const char *text);
void manual_text(FILE *out, const char *text);

/* An entry of a list: what it is about; manual_text() says the rest. */
void manual_item(FILE *out, const char *about);

/* A line as it is typed; does another one follow? */
void manual_line(FILE *out, const char *text, bool more);

/* The last chapter: other pages, "name(section)", ended by NULL. */
void manual_see_also(FILE *out, const char *const *pages);

#endif
