#include "base/figures.h"

const struct figure_row figure_rows[] = {
#define FIGURES_ROW(name, kind, unit, help)                                                        \
    {#name, unit, help, FIGURE_##kind, offsetof(struct figures, name)},
    FIGURES_MAP(FIGURES_ROW)
#undef FIGURES_ROW
};
const size_t figure_count = sizeof(figure_rows) / sizeof(figure_rows[0]);

uint64_t figure_value(const struct figures *figures, const struct figure_row *row)
{
    const void *at = (const char *)figures + row->offset;
    return figure_get(at);
}
