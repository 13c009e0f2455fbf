/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the lines of verbs mean.
 */
#include "kontalkctl/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/memory.h"

#define PATTERNS_MAX 8

enum kind {
    DONE,  /* an object: whether it was done, and what it said meanwhile */
    ONE,   /* all lines make one object */
    LIST,  /* each line is an object */
    LINES, /* a list of the lines */
};

/* Patterns (json_match.c); a line that none fits is {"text": …}. One that begins with '>' is of
 * heads: what is in them holds for all lines behind them. */
struct json_shape {
    const char *words;
    enum kind kind;
    const char *patterns[PATTERNS_MAX];
};

static const struct json_shape shapes[] = {
    {"user add", DONE, {NULL}},
    {"user passwd", DONE, {NULL}},
    {"user del", DONE, {NULL}},
    {"user disable", DONE, {NULL}},
    {"user enable", DONE, {NULL}},
    {"user admin", DONE, {NULL}},
    {"user import", DONE, {NULL}},
    {"user export", DONE, {NULL}},
    {"user list", LIST, {"$account ?disabled ?admin"}},
    {"user show",
     ONE,
     {"$account home $home at $node epoch #epoch", "$account home $home epoch #epoch",
      "created $created...", "?disabled", "?admin", "name $name...", "push $push..."}},
    {"invite revoke", DONE, {NULL}},
    {"session end", DONE, {NULL}},
    {"room claim", DONE, {NULL}},
    {"room owner", DONE, {NULL}},
    {"room destroy", DONE, {NULL}},
    {"directory lookup",
     ONE,
     {"$account home $home at $node epoch #epoch", "$account home $home epoch #epoch"}},
    {"directory verify",
     LIST,
     {"home $home: #entries entries: the same",
      "home $home: #entries entries, #different different",
      "#entries entries, #ungranted without a valid grant"}},
    {"db migrate", DONE, {NULL}},
    {"home show", ONE, {"home $home epoch #epoch"}},
    {"home raise", DONE, {NULL}},
    {"status", LIST, {"$daemon $version: $state...", "$daemon $state..."}},
    {"reload", DONE, {NULL}},
    {"show tls",
     LIST,
     {">$daemon:", "$domain until $end sha256 $sha256 for $names... issued by $issuer...",
      "$state..."}},
    {"ask", LINES, {NULL}},
    {"conf show", LIST, {">[$section...]", "$key = $value... # $origin...", "$key = $value..."}},
    {"conf explain", LINES, {NULL}},
    {"s2s probe", LIST, {"$seconds $step $text..."}},
    {"network request", LINES, {NULL}},
    {"network init", DONE, {NULL}},
    {"network add", DONE, {NULL}},
    {"network activate", DONE, {NULL}},
    {"network drain", DONE, {NULL}},
    {"network remove", DONE, {NULL}},
    {"network registrar", DONE, {NULL}},
    {"network renew", DONE, {NULL}},
    {"network next", DONE, {NULL}},
    {"network sign", DONE, {NULL}},
    {"network install", DONE, {NULL}},
    {"network suspend", DONE, {NULL}},
    {"network reload", DONE, {NULL}},
    {"network show",
     LIST,
     {"network $network serial #serial expires $expires registrar $registrar",
      "network $network serial #serial expires $expires (expired) registrar $registrar",
      "member #member $host $state $roles $addresses... operator=$operator "
      "fingerprint=$fingerprint...",
      "home $home epoch #epoch at $node", "keyholder $keyholder",
      "suspension of $host until $until by $by", "signed by #signatures of $required $problem...",
      "signed by #signatures of #required"}},
    {"network status", LIST, {"$node envelopes *", "$node $state *"}},
    {"completion", LINES, {NULL}},
    {"setup", DONE, {NULL}},
    {"backup", DONE, {NULL}},
    {"restore", DONE, {NULL}},
};

const struct json_shape *json_shape_find(const char *words)
{
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
        if (strcmp(shapes[i].words, words) == 0)
            return &shapes[i];
    return NULL;
}

/* --- lines --- */

/* Into `object` if it is one of heads, else into a new one, which is returned. */
static json_t *take_line(const struct json_shape *shape, json_t *head, const char *line)
{
    json_t *object = json_object();

    for (size_t i = 0; i < PATTERNS_MAX && shape->patterns[i]; i++) {
        bool is_head = shape->patterns[i][0] == '>';
        if (json_match(shape->patterns[i] + is_head, line, is_head ? head : object)) {
            if (is_head) {
                json_decref(object);
                return NULL;
            }
            json_object_update_missing(object, head);
            return object;
        }
    }
    json_object_update(object, head);
    json_object_set_new(object, "text", json_string(line));
    return object;
}

static json_t *lines_of(FILE *file)
{
    json_t *lines = json_array();
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    rewind(file);
    while ((length = getline(&line, &size, file)) > 0) {
        line[strcspn(line, "\n")] = '\0';
        json_array_append_new(lines, json_string(line));
    }
    free(line);
    return lines;
}

static json_t *objects_of(const struct json_shape *shape, const json_t *lines)
{
    json_t *list = json_array(), *head = json_object(), *line;
    size_t index;

    json_array_foreach(lines, index, line)
    {
        json_t *object =
            *json_string_value(line) ? take_line(shape, head, json_string_value(line)) : NULL;
        if (object)
            json_array_append_new(list, object);
    }
    json_decref(head);
    return list;
}

static json_t *one_of(const json_t *list)
{
    json_t *one = json_object(), *object;
    size_t index;

    json_array_foreach(list, index, object)
    {
        json_object_update(one, object);
    }
    return one;
}

/* What it said, if it is what it was asked for; else whether it was done. */
static json_t *answer(const struct json_shape *shape, json_t *lines, const json_t *problems,
                      int status)
{
    size_t last = json_array_size(problems);
    json_t *objects, *object;

    if (shape->kind == LINES && (status == 0 || json_array_size(lines) > 0))
        return json_incref(lines);
    if (shape->kind == DONE || (status != 0 && json_array_size(lines) == 0)) {
        object = json_pack("{s:b, s:O}", "done", status == 0, "said", lines);
        if (status != 0 && last > 0)
            json_object_set(object, "problem", json_array_get(problems, last - 1));
        return object;
    }
    objects = objects_of(shape, lines);
    if (shape->kind == LIST)
        return objects;
    object = one_of(objects);
    json_decref(objects);
    return object;
}

/* --- running --- */

/* What is written to a descriptor meanwhile, also by programs that are started. */
struct caught {
    int descriptor, kept;
    FILE *file;
};

static void catch_lines(struct caught *caught, int descriptor)
{
    int file = memfd_create("lines", MFD_CLOEXEC);

    *caught = (struct caught){descriptor, dup(descriptor), file < 0 ? NULL : fdopen(file, "r+")};
    if (!caught->file || caught->kept < 0 || dup2(file, descriptor) < 0)
        abort();
}

static json_t *release_lines(struct caught *caught)
{
    fflush(NULL);
    if (dup2(caught->kept, caught->descriptor) < 0)
        abort();
    close(caught->kept);
    json_t *lines = lines_of(caught->file);
    fclose(caught->file);
    return lines;
}

static void print_again(const json_t *lines)
{
    const json_t *line;
    size_t index;

    json_array_foreach(lines, index, line)
    {
        fprintf(stderr, "%s\n", json_string_value(line));
    }
}

int json_shape_run(const struct json_shape *shape, const struct ctl_verb *verb,
                   const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct caught output, errors;
    bool asks = isatty(STDIN_FILENO); /* questions have to be seen */
    json_t *problems = NULL;

    catch_lines(&output, STDOUT_FILENO);
    if (!asks)
        catch_lines(&errors, STDERR_FILENO);
    int status = verb->run(ctl, argc, argv);
    if (!asks)
        problems = release_lines(&errors);
    json_t *lines = release_lines(&output);
    print_again(problems);
    ctl_print_json(answer(shape, lines, problems, status));
    json_decref(lines);
    json_decref(problems);
    return status;
}
