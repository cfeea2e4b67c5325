#include "database.h"

#include "base/log.h"
#include "store/transfer.h"

static bool is_for_two(const struct studio_agent_config *config, const struct store_survey *survey)
{
    return survey->hosts > 1 || config->standby;
}

enum studio_err database_look(const struct studio_agent_config *config, struct store_survey *survey,
                              survey_doubt_fn *tell, void *ctx, struct studio_error *error)
{
    enum studio_err err = store_survey(config->store_url, survey, error);
    if (err == STUDIO_OK)
        survey_doubts(survey, is_for_two(config, survey), tell, ctx);
    return err;
}

static void log_doubt(void *ctx, const char *what, const char *advice)
{
    (void)ctx;
    log_warn("store", "the database: %s; %s", what, advice);
}

void database_warn(const struct studio_agent_config *config, const struct store *store)
{
    const struct store_survey *survey = store_surveyed(store);
    if (survey)
        survey_doubts(survey, is_for_two(config, survey), log_doubt, NULL);
}
