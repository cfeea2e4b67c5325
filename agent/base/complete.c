#include "base/complete.h"

#include <string.h>

/* `_studio_agent` */
static void print_name(FILE *out, const char *program)
{
    fputc('_', out);
    for (; *program; program++)
        fputc(*program == '-' ? '_' : *program, out);
}

void complete_begin(FILE *out, const char *program)
{
    fprintf(out, "# bash completion of %s, made by `%s --help completion`\n", program, program);
    print_name(out, program);
    fputs("()\n{\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
          "    local words='' command='' i\n"
          "    COMPREPLY=()\n"
          "    if [[ $cur == = ]]; then\n"
          "        cur=''\n"
          "    elif [[ $prev == = ]]; then\n"
          "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
          "    fi\n"
          "    case $prev in\n",
          out);
}

static void print_paths(FILE *out, const char *kind)
{
    fprintf(out,
            "compopt -o filenames 2>/dev/null\n"
            "            mapfile -t COMPREPLY < <(compgen %s -- \"$cur\")\n"
            "            return ;;\n",
            kind);
}

/* Words to choose from are in small letters, a value to be thought of is not. */
static int is_choice(const char *value)
{
    return strchr(value, '|') && value[strcspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ[]/")] == '\0';
}

void complete_value(FILE *out, const char *word, const char *value)
{
    fprintf(out, "        %s) ", word);
    if (strcmp(value, "FILE") == 0) {
        print_paths(out, "-f");
    } else if (strcmp(value, "DIR") == 0) {
        print_paths(out, "-d");
    } else if (is_choice(value)) {
        fputs("words='", out);
        for (; *value; value++)
            fputc(*value == '|' ? ' ' : *value, out);
        fputs("' ;;\n", out);
    } else {
        fputs("return ;;\n", out);
    }
}

void complete_commands(FILE *out, const char *names)
{
    fprintf(out,
            "    esac\n"
            "    if [[ -z $words ]]; then\n"
            "        for ((i = 1; i < COMP_CWORD; i++)); do\n"
            "            case ${COMP_WORDS[i]} in\n"
            "                %s) command=${COMP_WORDS[i]}; break ;;\n"
            "            esac\n"
            "        done\n"
            "    fi\n"
            "    case $words$command in\n",
            names);
}

void complete_command(FILE *out, const char *name)
{
    fprintf(out, "        '%s') words='", name);
}

void complete_word(FILE *out, const char *word)
{
    fprintf(out, "%s ", word);
}

void complete_command_end(FILE *out)
{
    fputs("' ;;\n", out);
}

void complete_end(FILE *out, const char *program)
{
    fputs("    esac\n"
          "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
          "    if [[ ${COMPREPLY[0]-} == *= ]]; then compopt -o nospace 2>/dev/null; fi\n"
          "}\n"
          "complete -F ",
          out);
    print_name(out, program);
    fprintf(out, " %s\n", program);
}
