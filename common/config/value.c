/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Values: what each type of the schema accepts.
 */
#include "common/config/value.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "common/config/address.h"
#include "common/config/conninfo.h"
#include "common/config/domain.h"
#include "common/config/number.h"
#include "common/config/suggest.h"

struct check {
    struct arena *arena;
    const char *directory;
    const struct config_item *item;
    const char *text;
    struct config_value *value;
};

static const char *check_text(struct check *c)
{
    (void)c;
    return NULL;
}

static const char *check_bool(struct check *c)
{
    c->value->number = strcmp(c->text, "yes") == 0;
    if (c->value->number == 0 && strcmp(c->text, "no") != 0) {
        return arena_printf(c->arena, "\"%s\" is neither yes nor no", c->text);
    }
    return NULL;
}

/* Both bounds in the unit of the item, 0 and 0: anything. */
static const char *check_range(struct check *c)
{
    const struct config_item *item = c->item;
    int64_t number = c->value->number;

    if (item->minimum == 0 && item->maximum == 0) {
        return NULL;
    }
    if (number >= item->minimum && number <= item->maximum) {
        return NULL;
    }
    return arena_printf(c->arena, "%s is out of range: %s to %s", c->text,
                        config_number_text(c->arena, item->type, item->minimum),
                        config_number_text(c->arena, item->type, item->maximum));
}

static const char *check_number(struct check *c)
{
    if (config_number_parse(c->item->type, c->text, &c->value->number)) {
        return arena_printf(c->arena, "\"%s\" is not %s", c->text, config_type_text(c->item->type));
    }
    return check_range(c);
}

static const char *check_domain(struct check *c)
{
    if (config_domain_prepare(c->arena, c->text, &c->value->text)) {
        return arena_printf(c->arena, "\"%s\" is not a domain name", c->text);
    }
    return NULL;
}

/* Whether it can be an address; nodeprep and resourceprep are left to those who use it. */
static const char *check_jid(struct check *c)
{
    const char *slash = strchrnul(c->text, '/');
    const char *at = memchr(c->text, '@', (size_t)(slash - c->text));
    const char *domain = at ? at + 1 : c->text;
    const char *prepared;

    domain = arena_strndup(c->arena, domain, (size_t)(slash - domain));
    if (at == c->text || strcmp(slash, "/") == 0 ||
        config_domain_prepare(c->arena, domain, &prepared)) {
        return arena_printf(c->arena, "\"%s\" is not a JID", c->text);
    }
    return NULL;
}

static const char *resolve_path(struct check *c, const char *path)
{
    return path[0] == '/' ? path : arena_printf(c->arena, "%s/%s", c->directory, path);
}

static const char *check_file(struct check *c)
{
    c->value->text = resolve_path(c, c->text);
    return NULL;
}

/* The text is not repeated: somebody may have written the secret itself. */
static const char *check_secret(struct check *c)
{
    struct stat status;

    c->value->text = resolve_path(c, c->text);
    if (stat(c->value->text, &status) < 0) {
        /* Each daemon may look only into its own directory. */
        return errno == EACCES ? NULL
                               : arena_printf(c->arena, "there is no such file (%s names a file)",
                                              c->item->key);
    }
    if (!S_ISREG(status.st_mode)) {
        return "this is not a file";
    }
    return status.st_mode & S_IRWXO ? "the file can be reached by others: take their rights away "
                                      "(chmod o= FILE)"
                                    : NULL;
}

static const char *check_address(struct check *c)
{
    static const char prefix[] = "unix:";

    if (strncmp(c->text, prefix, strlen(prefix)) == 0 && c->text[strlen(prefix)]) {
        c->value->text =
            arena_printf(c->arena, "%s%s", prefix, resolve_path(c, c->text + strlen(prefix)));
    }
    const char *problem = config_address_check(c->value->text);
    return problem ? arena_printf(c->arena, "\"%s\" is not an address: %s", c->text, problem)
                   : NULL;
}

static const char *check_network(struct check *c)
{
    if (!config_is_network(c->text)) {
        return arena_printf(c->arena, "\"%s\" is not %s", c->text,
                            config_type_text(CONFIG_NETWORK));
    }
    return NULL;
}

/* RFC 3986 §3: a scheme and something behind it. */
static const char *check_uri(struct check *c)
{
    size_t scheme = strspn(c->text, "abcdefghijklmnopqrstuvwxyz0123456789+-.");

    if (scheme == 0 || c->text[scheme] != ':' || !c->text[scheme + 1] ||
        strpbrk(c->text, " \t<>\"")) {
        return arena_printf(c->arena, "\"%s\" is not %s", c->text, config_type_text(CONFIG_URI));
    }
    return NULL;
}

static const char *check_conninfo(struct check *c)
{
    return config_conninfo_has_password(c->text)
               ? "a password has no place here: name a file of them with passfile="
               : NULL;
}

static const char *all_choices(struct check *c)
{
    const char *list = "";

    for (const char *const *choice = c->item->choices; *choice; choice++) {
        list = arena_printf(c->arena, "%s%s%s", list, *list ? ", " : "", *choice);
    }
    return list;
}

static const char *check_choice(struct check *c)
{
    struct suggestion suggestion = suggestion_for(c->text);

    for (const char *const *choice = c->item->choices; *choice; choice++) {
        if (strcmp(*choice, c->text) == 0) {
            return NULL;
        }
        suggestion_consider(&suggestion, *choice);
    }
    if (suggestion.best) {
        return arena_printf(c->arena, "\"%s\" is none of %s; did you mean \"%s\"?", c->text,
                            all_choices(c), suggestion.best);
    }
    return arena_printf(c->arena, "\"%s\" is none of %s", c->text, all_choices(c));
}

static const struct {
    const char *text;
    const char *(*check)(struct check *c);
} types[] = {
    [CONFIG_TEXT] = {"text", check_text},
    [CONFIG_BOOL] = {"yes or no", check_bool},
    [CONFIG_NUMBER] = {"a number", check_number},
    [CONFIG_DURATION] = {"a duration, such as 500ms, 30s, 5m, 2h or 7d", check_number},
    [CONFIG_SIZE] = {"a size, such as 512, 64k, 2M or 1G", check_number},
    [CONFIG_DOMAIN] = {"a domain name", check_domain},
    [CONFIG_JID] = {"a JID", check_jid},
    [CONFIG_ADDRESS] = {"an address, such as 127.0.0.1:5222, [::]:5222 or unix:/path",
                        check_address},
    [CONFIG_FILE] = {"a path", check_file},
    [CONFIG_FILE_SECRET] = {"the path of a secret file", check_secret},
    [CONFIG_CHOICE] = {"one of several words", check_choice},
    [CONFIG_NETWORK] = {"an IP address or a network, such as 127.0.0.0/8", check_network},
    [CONFIG_URI] = {"a URI, such as mailto:abuse@example.net", check_uri},
    [CONFIG_CONNINFO] = {"a libpq connection string without a password", check_conninfo},
};

const char *config_value_parse(struct arena *arena, const char *directory,
                               const struct config_item *item, const char *text,
                               struct config_value *value)
{
    struct check check = {arena, directory, item, text, value};

    *value = (struct config_value){.text = text};
    return types[item->type].check(&check);
}

const char *config_type_text(enum config_type type)
{
    return types[type].text;
}
