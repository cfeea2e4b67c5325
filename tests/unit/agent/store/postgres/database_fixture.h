/* database_fixture.h - two processes' views of one agent in a PostgreSQL of the test's own. */
#ifndef TESTS_UNIT_AGENT_STORE_POSTGRES_DATABASE_FIXTURE_H
#define TESTS_UNIT_AGENT_STORE_POSTGRES_DATABASE_FIXTURE_H

#include <stdlib.h>

#include "store/postgres/private.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"

/* The fixture's stores are then all there. */
static inline int use_database(void **state)
{
    (void)state;
    return setenv("STUDIO_STORE", "postgres", 1);
}

#include "unit/agent/store/fixture.h"

/* As another machine would: with a directory of its own, on the database of `dir`. */
static inline enum studio_err open_beside(const char *dir, const char *agent_id,
                                          struct store **store, struct studio_error *error)
{
    struct store_options options = options_for(tmpdir_create());
    options.url = url_for(dir);
    options.agent_id = agent_id;
    return store_open(&options, store, error);
}

static inline void expect_answer(const char *sql, const char *expected)
{
    char *answer = pgserver_ask(pgserver_shared(), store_schema, sql);
    assert_string_equal(answer, expected);
    free(answer);
}

static inline void tell(const char *sql)
{
    free(pgserver_ask(pgserver_shared(), store_schema, sql));
}

/* cmocka_run_group_tests, or 77 without a server. */
#define run_database_tests(tests)                                                                  \
    (!pgserver_there() ? 77 : cmocka_run_group_tests(tests, use_database, NULL))

#endif
