/* texts.h - what the program says about itself, in rows: --help, the manual and the completion are
 * made of them. Constant data; any thread. */
#ifndef AGENT_CMD_TEXTS_H
#define AGENT_CMD_TEXTS_H

/* Two texts that belong together; a row whose first is NULL ends each table. */
struct text_row {
    const char *words;
    const char *what;
};

/* One sentence. */
extern const char text_intro[];

/* How defaults, file, environment and command line go together. */
extern const char text_options[];

/* A command line without the program's name: a command in small letters, what may follow it in small
 * letters, values in capitals, flags with two dashes. */
extern const struct text_row text_forms[];

/* The flags that are no options: "-c, --config FILE". */
extern const struct text_row text_flags[];

extern const struct text_row text_examples[];
extern const struct text_row text_exit_codes[];

#endif
