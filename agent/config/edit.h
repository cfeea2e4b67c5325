/* edit.h - one key of a configuration file set in its text; every other line stays as it is. Pure; any thread. */
#ifndef AGENT_CONFIG_EDIT_H
#define AGENT_CONFIG_EDIT_H

#include "base/buf.h"

/*
 * Appends `text` to `out` with `key = value` in `section`: in the place of the line that has the key, else of one that has
 * it behind a `;` or `#`, else at the end of what stands in the section, which is made at the end if there is none.
 */
void config_edit(struct buf *out, const char *text, const char *section, const char *key,
                 const char *value);

#endif
