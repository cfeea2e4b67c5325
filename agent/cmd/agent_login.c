#include "cmd/agent_login.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/file_edit.h"
#include "auth/token_file.h"
#include "auth/user_files.h"
#include "config/config.h"
#include "config/file.h"

enum { PASSWORD_MAX = 4096, MODE = 0640 };

/* Its first line; *text stays NULL without a file. */
static enum studio_err read_password(const char *file, char **text, size_t *len,
                                     struct studio_error *error)
{
    enum studio_err err = file_read(file, PASSWORD_MAX, text, len, NULL, error);

    if (err == STUDIO_ERR_USAGE && errno == ENOENT)
        return STUDIO_OK;
    if (err != STUDIO_OK)
        return err;
    (*text)[strcspn(*text, "\r\n")] = '\0';
    if (!**text)
        return config_fail(error, STUDIO_ERR_USAGE,
                           "there is no password in %s: write one, or remove the file", file);
    printf("left alone: %s, the agent's password at the broker\n", file);
    return STUDIO_OK;
}

enum studio_err agent_login_make(const struct agent_login *login, struct studio_error *error)
{
    char fresh[TOKEN_NEW_LEN + 1], *there = NULL;
    size_t len = 0;
    enum studio_err err = read_password(login->password_file, &there, &len, error);

    if (err == STUDIO_OK && !there)
        err = token_make(fresh, error);
    if (err == STUDIO_OK)
        err = user_files_put(login->broker_dir,
                             &(struct broker_login){.name = AGENT_LOGIN,
                                                    .password = there ? there : fresh,
                                                    .agent = true,
                                                    .chosen = there != NULL},
                             login->topic_root, error);
    if (err == STUDIO_OK && !there)
        err = file_edit_put(login->password_file, fresh, TOKEN_NEW_LEN, MODE, login->group, error);
    explicit_bzero(fresh, sizeof(fresh));
    if (there)
        explicit_bzero(there, len);
    free(there);
    return err;
}
