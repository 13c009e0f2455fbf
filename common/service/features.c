/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What this process serves, as it tells administrators.
 */
#include "common/service/features.h"

#include <stdlib.h>

#include "common/base/memory.h"

struct table {
    const struct spec *specs;
    const char *where;
};

struct features {
    struct table *tables;
    size_t count;
};

struct features *features_new(void)
{
    return xcalloc(1, sizeof(struct features));
}

void features_free(struct features *features)
{
    if (features)
        free(features->tables);
    free(features);
}

void features_add(struct features *features, const struct spec *specs, const char *where)
{
    features->tables =
        xrealloc(features->tables, (features->count + 1) * sizeof(*features->tables));
    features->tables[features->count++] = (struct table){specs, where};
}

static const char *or_dash(const char *text)
{
    return text ? text : "-";
}

void features_print(const struct features *features, struct control_request *request)
{
    for (size_t i = 0; i < features->count; i++) {
        const struct table *table = &features->tables[i];
        for (const struct spec *spec = table->specs; spec->name; spec++)
            control_print(request, "%s; %s; %s; %s", spec->name, or_dash(spec->version),
                          table->where, or_dash(spec->note));
    }
}
