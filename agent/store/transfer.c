#include "store/transfer.h"

#include "store/engine.h"

enum studio_err store_survey(const char *url, struct store_survey *out, struct studio_error *error)
{
    const struct store_engine *engine = store_engine_for(url, error);
    return engine ? engine->survey(url, out, error) : STUDIO_ERR_STORE_UNUSABLE;
}

enum studio_err store_check(const struct store_place *place, FILE *out, struct studio_error *error)
{
    const struct store_engine *engine = store_engine_for(place->url, error);
    return engine ? engine->check(place, out, error) : STUDIO_ERR_STORE_UNUSABLE;
}

enum studio_err store_export(const struct store_place *place, FILE *out, store_progress_fn *tell,
                             struct studio_error *error)
{
    const struct store_engine *engine = store_engine_for(place->url, error);
    return engine ? engine->export_lines(place, out, tell, error) : STUDIO_ERR_STORE_UNUSABLE;
}

enum studio_err store_import(const struct store_place *place, FILE *in, store_progress_fn *tell,
                             struct studio_error *error)
{
    const struct store_engine *engine = store_engine_for(place->url, error);
    return engine ? engine->import_lines(place, in, tell, error) : STUDIO_ERR_STORE_UNUSABLE;
}

enum studio_err store_restored(const struct store_place *place, char epoch[STORE_EPOCH_LEN + 1],
                               struct studio_error *error)
{
    const struct store_engine *engine = store_engine_for(place->url, error);
    return engine ? engine->restored(place, epoch, error) : STUDIO_ERR_STORE_UNUSABLE;
}
