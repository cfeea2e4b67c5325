/* over_tls.h - a test that is run over TLS as well, where `tls` is true: OVER_TLS(test) in the list of tests. One source of a
 * program includes it. */
#ifndef TESTS_INTEGRATION_OVER_TLS_H
#define TESTS_INTEGRATION_OVER_TLS_H

#include <stdbool.h>

#include "support/cmocka_all.h"

static bool tls;

static int over_tls(void **state)
{
    (void)state;
    tls = true;
    return 0;
}

static int over_none(void **state)
{
    (void)state;
    tls = false;
    return 0;
}

#define OVER_TLS(test)                                                                             \
    {                                                                                              \
#test " over TLS", test, over_tls, over_none, NULL                                         \
    }

#endif
