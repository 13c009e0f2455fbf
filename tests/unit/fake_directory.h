/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The part of fake_host.h that is the directory: some accounts have their home at beta.
 */
#pragma once

struct directory_question {
    struct jid *jid;
    directory_found *done;
    void *user;
    struct loop_task *task;
};

bool node_is_host(const struct worker *worker, const char *domain)
{
    (void)worker;
    return strcmp(domain, FAKE_HOST) == 0 || strcmp(domain, FAKE_BETA) == 0;
}

static bool fake_is_at_beta(const struct jid *jid)
{
    char *word = jid->local ? xasprintf("%s ", jid->local) : xstrdup("?");
    bool found = fake.at_beta && strstr(fake.at_beta, word);

    free(word);
    return found;
}

const char *directory_own_home(struct worker *worker, int64_t *epoch)
{
    (void)worker;
    *epoch = 1;
    return "alpha";
}

static void fake_place(const struct jid *jid, struct directory_place *place)
{
    *place = (struct directory_place){
        .answer = DIRECTORY_HERE, .home = "alpha", .host = FAKE_HOST, .epoch = 1};
    if (fake_is_at_beta(jid))
        *place = (struct directory_place){
            .answer = DIRECTORY_ELSEWHERE, .home = "beta", .host = FAKE_BETA, .epoch = 1};
    if (fake.unknown)
        *place = (struct directory_place){.answer = DIRECTORY_UNKNOWN};
}

bool directory_look(struct worker *worker, const struct jid *jid, struct directory_place *place)
{
    (void)worker;
    if (fake.looks_up)
        return false;
    fake_place(jid, place);
    return true;
}

static void fake_found(void *user)
{
    struct directory_question *question = user;
    struct directory_place place;

    fake.looks_up = fake.unknown; /* it is remembered */
    fake_place(question->jid, &place);
    question->done(question->user, &place);
    free(question->jid);
    free(question);
}

struct directory_question *directory_ask(struct worker *worker, const struct jid *jid,
                                         directory_found *done, void *user)
{
    struct directory_question *question = xcalloc(1, sizeof(*question));

    (void)worker;
    question->jid = jid_dup(jid);
    question->done = done;
    question->user = user;
    question->task = loop_defer(NULL, fake_found, question);
    return question;
}

void directory_cancel(struct directory_question *question)
{
    loop_defer_cancel(question->task);
    free(question->jid);
    free(question);
}

void directory_forget(struct worker *worker, const struct jid *jid)
{
    (void)worker;
    (void)jid;
}

/* No unit test has services. */
bool directory_is_shared(const struct worker *worker UNUSED, const char *domain UNUSED)
{
    return false;
}

void directory_claim_room(struct worker *worker UNUSED, const struct jid *jid UNUSED,
                          directory_claimed *done UNUSED, void *user UNUSED)
{
}

void directory_claim_lost_room(struct worker *worker UNUSED, const struct jid *jid UNUSED,
                               directory_claimed *done UNUSED, void *user UNUSED)
{
}

void directory_release_room(struct worker *worker UNUSED, const struct jid *jid UNUSED,
                            directory_claimed *done UNUSED, void *user UNUSED)
{
}

void directory_list_rooms(struct worker *worker UNUSED, const char *service UNUSED,
                          const struct rsm *wish UNUSED, directory_rooms_listed *done UNUSED,
                          void *user UNUSED)
{
}

void directory_claim(struct worker *worker UNUSED, const struct jid *jid UNUSED,
                     directory_claimed *done UNUSED, void *user UNUSED)
{
}
