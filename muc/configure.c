/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A room is configured (XEP-0045 §§10.1.3 and 10.2): everything is checked before anything changes,
 * and the occupants hear what it means for their privacy (§10.2.1).
 */
#include <stdlib.h>

#include "common/xmpp/form.h"
#include "common/xmpp/namespaces.h"
#include "muc/affiliation.h"
#include "muc/enter.h"
#include "muc/kept_role.h"
#include "muc/message.h"
#include "muc/owner.h"
#include "muc/store.h"

#define CODES_MAX 8

/* --- reading --- */

struct wish {
    bool given[OPTIONS];
    const char *values[OPTIONS];
    struct affiliation_list admins, owners;
    bool has_admins, has_owners;
};

static bool read_jids(const char *values, struct arena *arena, struct affiliation_list *list)
{
    while (values && *values) {
        size_t length = strcspn(values, "\n");
        struct jid jid;

        if (length > 0) {
            if (jid_parse(arena, arena_strndup(arena, values, length), &jid) < 0)
                return false;
            affiliation_list_add(list, &jid);
        }
        values += length + (values[length] == '\n');
    }
    return true;
}

static bool read_field(const struct element *field, struct wish *wish)
{
    const char *var = element_get(field, "var"), *values = form_values(field);
    int option = option_of_field(var);

    if (strcmp(var, FIELD_ADMINS) == 0) {
        wish->has_admins = true;
        return read_jids(values, field->arena, &wish->admins);
    }
    if (strcmp(var, FIELD_OWNERS) == 0) {
        wish->has_owners = true;
        return read_jids(values, field->arena, &wish->owners);
    }
    if (option < 0)
        return true; /* of another implementation: nothing to do with it */
    wish->given[option] = true;
    wish->values[option] = values ? values : "";
    return option_accepts((enum option)option, &wish->values[option]);
}

static const char *wished(const struct room *room, const struct wish *wish, enum option option)
{
    return wish->given[option] ? wish->values[option] : room_text(room, option);
}

/* A password that is not there would let everybody in, or nobody. */
static bool fits(const struct room *room, const struct wish *wish)
{
    return strcmp(wished(room, wish, OPTION_PASSWORD_PROTECTED), "1") != 0 ||
           *wished(room, wish, OPTION_SECRET) != '\0';
}

static bool read_form(const struct room *room, const struct element *form, struct wish *wish)
{
    FORM_FIELDS(field, form)
    if (!read_field(field, wish))
        return false;
    return fits(room, wish);
}

/* --- what changes --- */

static void set_option(struct turn *turn, enum option option, const char *value)
{
    char **place = &turn->room->options[option];

    free(*place);
    *place = strcmp(value, option_rows[option].preset) == 0 ? NULL : xstrdup(value);
    store_option(turn, option);
}

/* The status codes of what has changed. */
static size_t note(enum option option, const char *value, int *codes, size_t count)
{
    int code = 104;

    if (option == OPTION_LOGGING)
        code = strcmp(value, "1") == 0 ? 170 : 171;
    else if (option == OPTION_WHOIS)
        code = strcmp(value, "anyone") == 0 ? 172 : 173;
    for (size_t i = 0; i < count; i++)
        if (codes[i] == code)
            return count;
    codes[count] = code;
    return count + 1;
}

void configure_tell(struct turn *turn, const int *codes, size_t count)
{
    struct stanza *message;
    struct element *x;

    if (count == 0)
        return;
    message = stanza_new(STANZA_MESSAGE, MESSAGE_GROUPCHAT);
    stanza_set_from(message, turn->room->jid);
    x = element_add(message->root, NS_MUC_USER, "x");
    for (size_t i = 0; i < count; i++)
        element_set(element_add(x, NS_MUC_USER, "status"), "code",
                    arena_printf(message->arena, "%d", codes[i]));
    turn_send_all_take(turn, message);
}

/* §10.2: who is no member has to go. */
static void remove_strangers(struct turn *turn)
{
    struct occupant *occupant, *next;

    HASH_ITER (hh, turn->room->occupants, occupant, next) {
        struct news news = {.codes = {STATUS_MEMBERS_ONLY}};

        if (room_affiliation(turn->room, occupant->bare) < AFFILIATION_MEMBER)
            leave_all(turn, occupant, &news);
    }
}

/* Moderated or not: newcomers only. But voice that nobody has granted comes with an open floor. */
static void give_voice(struct turn *turn)
{
    struct occupant *occupant, *next;

    kept_role_drop_all(turn);
    HASH_ITER (hh, turn->room->occupants, occupant, next) {
        if (occupant->role == ROLE_VISITOR)
            role_set(turn, occupant, ROLE_PARTICIPANT, NULL, NULL);
    }
}

/* `before`: whose presence was broadcast. */
static void broadcast_anew(struct turn *turn, const char *before)
{
    const struct occupant *occupant;

    for (occupant = turn->room->occupants; occupant; occupant = occupant->hh.next)
        presence_tell_shown(turn, occupant, option_has(before, role_name(occupant->role)));
}

static void apply_options(struct turn *turn, const struct wish *wish)
{
    struct room *room = turn->room;
    bool was_moderated = room_is(room, OPTION_MODERATED),
         was_open = !room_is(room, OPTION_MEMBERS_ONLY);
    char *broadcast = xstrdup(room_text(room, OPTION_BROADCAST));
    int codes[CODES_MAX];
    size_t count = 0;

    for (int i = 0; i < OPTIONS; i++) {
        enum option option = (enum option)i;

        if (!wish->given[i] || strcmp(wish->values[i], room_text(room, option)) == 0)
            continue;
        set_option(turn, option, wish->values[i]);
        count = note(option, wish->values[i], codes, count);
    }
    broadcast_anew(turn, broadcast);
    free(broadcast);
    if (was_open && room_is(room, OPTION_MEMBERS_ONLY))
        remove_strangers(turn);
    if (was_moderated && !room_is(room, OPTION_MODERATED))
        give_voice(turn);
    configure_tell(turn, codes, count);
}

static void apply(struct turn *turn, const struct wish *wish)
{
    struct room *room = turn->room;

    if (room->locked) {
        room->locked = false;
        store_room(turn);
    }
    if (wish->has_owners)
        affiliation_set_list(turn, AFFILIATION_OWNER, &wish->owners);
    if (wish->has_admins)
        affiliation_set_list(turn, AFFILIATION_ADMIN, &wish->admins);
    apply_options(turn, wish);
    leave_check(turn);
}

/* -1, or why it cannot be. */
static int problem_of(const struct room *room, const struct element *form, struct wish *wish)
{
    size_t count = HASH_COUNT(room->affiliations);

    if (!read_form(room, form, wish))
        return SITUATION_CONFIG_BAD;
    if (wish->has_owners && wish->owners.count == 0)
        return SITUATION_ADMIN_LAST_OWNER;
    count += affiliation_list_sort(room, &wish->admins);
    count += affiliation_list_sort(room, &wish->owners);
    return count > room->muc->limits.affiliations ? SITUATION_ADMIN_TOO_MANY : -1;
}

void configure(struct turn *turn, const struct element *form)
{
    struct wish wish = {0};
    int problem = problem_of(turn->room, form, &wish);

    if (problem >= 0) {
        turn_refuse(turn, (enum situation)problem);
    } else {
        turn_result(turn);
        apply(turn, &wish);
    }
    affiliation_list_fini(&wish.admins);
    affiliation_list_fini(&wish.owners);
}
