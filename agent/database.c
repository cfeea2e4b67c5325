#include "database.h"

#include "base/log.h"
#include "store/transfer.h"

enum studio_err database_look(const struct studio_agent_config *config, struct store_survey *survey,
                              survey_doubt_fn *tell, void *ctx, struct studio_error *error)
{
    enum studio_err err = store_survey(config->store_url, survey, error);
    if (err == STUDIO_OK)
        survey_doubts(survey, survey->hosts > 1 || config->standby, tell, ctx);
    return err;
}

static void log_doubt(void *ctx, const char *what, const char *advice)
{
    (void)ctx;
    log_warn("store", "the database: %s; %s", what, advice);
}

void database_warn(const struct studio_agent_config *config)
{
    struct store_survey survey;
    struct studio_error error;
    if (config->store_url && database_look(config, &survey, log_doubt, NULL, &error) != STUDIO_OK)
        log_warn("store", "how safe an answer is there is not known: %s", error.text);
}
