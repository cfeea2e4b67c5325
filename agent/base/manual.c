#include "base/manual.h"

#include <ctype.h>
#include <string.h>

#include "studio/version.h"

/* Hyphens, quotes and the like stay what they are, to be copied. */
static const char *escaped(char c)
{
    switch (c) {
    case '\\':
        return "\\e";
    case '-':
        return "\\-";
    case '\'':
        return "\\(aq";
    case '`':
        return "\\(ga";
    case '^':
        return "\\(ha";
    case '~':
        return "\\(ti";
    default:
        return NULL;
    }
}

/* On one line, which does not begin with what would be a request. */
static void print(FILE *out, const char *text)
{
    if (*text == '.')
        fputs("\\&", out);
    for (; *text; text++) {
        const char *code = escaped(*text);
        if (code)
            fputs(code, out);
        else
            fputc(*text == '\n' ? ' ' : *text, out);
    }
}

static void print_upper(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '-')
            fputc('\\', out);
        fputc(toupper((unsigned char)*text), out);
    }
}

void manual_begin(FILE *out, const char *name, const char *section, const char *what)
{
    fputs(".TH ", out);
    print_upper(out, name);
    fprintf(out, " %s %s \"studio-agent %s\"\n.SH NAME\n", section, STUDIO_RELEASED,
            STUDIO_VERSION);
    print(out, name);
    fputs(" \\- ", out);
    print(out, what);
    fputc('\n', out);
}

void manual_chapter(FILE *out, const char *title)
{
    fprintf(out, ".SH %s\n", title);
}

void manual_part(FILE *out, const char *title)
{
    fprintf(out, ".SS %s\n", title);
}

void manual_text(FILE *out, const char *text)
{
    print(out, text);
    fputc('\n', out);
}

void manual_paragraph(FILE *out, const char *text)
{
    fputs(".PP\n", out);
    manual_text(out, text);
}

void manual_item(FILE *out, const char *about)
{
    fputs(".TP\n\\fB", out);
    print(out, about);
    fputs("\\fR\n", out);
}

void manual_line(FILE *out, const char *text, bool more)
{
    manual_text(out, text);
    if (more)
        fputs(".br\n", out);
}

void manual_see_also(FILE *out, const char *const *pages)
{
    manual_chapter(out, "SEE ALSO");
    for (; *pages; pages++) {
        size_t len = strcspn(*pages, "(");
        fputs(".BR ", out);
        for (size_t i = 0; i < len; i++)
            fprintf(out, (*pages)[i] == '-' ? "\\%c" : "%c", (*pages)[i]);
        fprintf(out, " %s%s\n", *pages + len, pages[1] ? "," : "");
    }
}
